import type { Audiences } from "../clients/audiences.js";
import { isFapi2Algorithm } from "../clients/fapi2-algorithms.js";
import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import type { SigningAlgorithm } from "../keys/signing-key.js";

/** How a JWT access token is written: the algorithm of its signature, and its media type. */
interface Form {
  readonly alg: SigningAlgorithm;
  readonly typ: string;
}

/**
 * The form that all audiences of a token accept. The client's settings count where an audience says nothing.
 * @throws Refusal audiences_disagree if one token cannot suit all of them (RFC 9068 section 3)
 */
export function formOf(aud: string | readonly string[], client: Client, audiences: Audiences): Form {
  if (typeof aud === "string") return formFor(aud, client, audiences);
  const [form, ...others] = aud.map((one) => formFor(one, client, audiences));
  if (others.some(({ alg, typ }) => alg !== form!.alg || typ !== form!.typ)) throw new Refusal("audiences_disagree");
  return form!;
}

function formFor(audience: string, client: Client, audiences: Audiences): Form {
  const { algorithms, types } = audiences.get(audience) ?? NOTHING_SAID;
  if (algorithms.length > 1 || types.length > 1) throw new Refusal("audiences_disagree");
  const [alg = client.access_token_signing_alg] = algorithms;
  const [typ = client.access_token_typ] = types;
  if (client.profile === "fapi2" && !isFapi2Algorithm(alg)) throw new Refusal("audiences_disagree");
  return { alg: alg as SigningAlgorithm, typ };
}

const NOTHING_SAID = { algorithms: [], types: [] };
