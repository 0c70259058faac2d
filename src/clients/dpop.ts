import { hash } from "node:crypto";
import { CLOCK_TOLERANCE, type Clock } from "../clock.js";
import { Refusal } from "../errors/refusal.js";
import { useProof } from "../store/dpop-proofs.js";
import type { Db } from "../store/open.js";
import { verifies } from "./assertion.js";
import type { DpopNonces } from "./dpop-nonces.js";
import { claimsFlaw, PROOF_LIFETIME, readProof, type DpopProof } from "./dpop-proof.js";
import { algorithmsUnder } from "./fapi2-algorithms.js";
import { PUBLIC_KEY_ALGORITHMS } from "./methods/algorithms.js";
import type { PresentedCredentials, PresentedProof } from "./presented.js";
import type { RegisteredClient } from "./registered-client.js";

/** The algorithms of DPoP proofs: asymmetric ones (RFC 9449 section 4.2). */
export const DPOP_ALGORITHMS: readonly string[] = PUBLIC_KEY_ALGORITHMS;

interface DpopDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly issuer: string;
  readonly previousIssuers: readonly string[];
  /** Undefined if the server wants no nonce. */
  readonly dpopNonces: DpopNonces | undefined;
}

/**
 * The thumbprint of the key that a client proves to hold at the token endpoint; undefined if the request has no proof.
 * @throws Refusal dpop_proof_missing for a client whose tokens are always bound (section 5.2); those of acceptProof
 */
export async function keyOfProof(
  deps: DpopDeps,
  client: Pick<RegisteredClient, "dpop_bound_access_tokens" | "profile">,
  { proof }: PresentedCredentials,
): Promise<string | undefined> {
  requireProof(client, proof !== undefined);
  return proof === undefined ? undefined : acceptProof(deps, proof, { client });
}

/** @throws Refusal dpop_proof_missing for a client whose tokens are always bound */
export function requireProof(
  { dpop_bound_access_tokens }: Pick<RegisteredClient, "dpop_bound_access_tokens">,
  hasProof: boolean,
): void {
  if (dpop_bound_access_tokens && !hasProof) throw new Refusal("dpop_proof_missing");
}

/** The refusals at an endpoint where the client authenticates, and where an access token is shown. */
const REFUSALS = {
  client: { invalid: "dpop_proof_invalid", nonce: "dpop_nonce_missing" },
  token: { invalid: "dpop_token_proof_invalid", nonce: "dpop_token_nonce_missing" },
} as const;

interface Demands {
  /** The client that sends the proof: its profile may allow fewer algorithms. */
  readonly client: Pick<RegisteredClient, "profile">;
  /** The access token that the request shows. Absent at an endpoint where the client authenticates. */
  readonly accessToken?: string;
}

/**
 * Accepts the DPoP proof of a request, and marks it as used (RFC 9449 section 4.3).
 * @returns the thumbprint of its key, `jkt`
 * @throws Refusal dpop_proof_invalid, dpop_nonce_missing; with an access token dpop_token_proof_invalid,
 *   dpop_token_nonce_missing
 */
export async function acceptProof(
  { db, clock, issuer, previousIssuers, dpopNonces }: DpopDeps,
  request: PresentedProof,
  { client, accessToken }: Demands,
): Promise<string> {
  const codes = REFUSALS[accessToken === undefined ? "client" : "token"];
  const refuse = (flaw: string): never => {
    throw new Refusal(codes.invalid, { slots: { flaw }, reason: flaw });
  };
  const proof = readProof(request.text, algorithmsUnder(client, DPOP_ALGORITHMS));
  if ("flaw" in proof) return refuse(proof.flaw);
  if (!(await verifies(proof.text, proof.key, [proof.alg]))) return refuse("its signature was not made with its jwk");

  const now = clock.now();
  const nonceExpiry = dpopNonces?.expiryOf(proof.claims.nonce);
  const urls = [issuer, ...previousIssuers].map((name) => name + request.path);
  const flaw = claimsFlaw(proof, { request, urls, accessToken, wantsNonce: dpopNonces !== undefined, now });
  if (flaw !== undefined) return refuse(flaw);
  if (dpopNonces !== undefined && nonceExpiry === undefined) throw new Refusal(codes.nonce);

  const isFirst = await useProof(db, identityOf(proof), new Date(nonceExpiry ?? expiryOf(proof)), clock.statement());
  return isFirst ? proof.jkt : refuse("it was used before");
}

/** The same key never uses a jti twice. */
function identityOf({ jkt, claims }: DpopProof): Uint8Array {
  return hash("sha256", `${jkt}\n${String(claims.jti)}`, "buffer");
}

/** When a proof without a nonce expires, in milliseconds since the epoch. */
function expiryOf({ claims: { iat } }: DpopProof): number {
  return ((iat as number) + PROOF_LIFETIME + CLOCK_TOLERANCE) * 1000;
}
