import type { FastifyReply, FastifyRequest } from "fastify";
import { DPOP_ALGORITHMS } from "../clients/dpop.js";
import type { PresentedProof } from "../clients/presented.js";
import type { Code } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import { pathOf } from "../http/target.js";
import type { Dialect, WireResponse } from "./dialect.js";

/** DPoP on the wire (RFC 9449): the proof in its header, the nonce in the answer, and the challenges. */

/**
 * The proof of a request. Node.js joins repeated headers with a comma, so two proofs are no JWT (section 4.3, check 1).
 * @throws Refusal dpop_unsupported in a dialect whose tokens are never bound to a key
 */
export function proofOf(
  { headers, method, url }: FastifyRequest,
  { withoutDpop }: Dialect,
): PresentedProof | undefined {
  const { dpop } = headers;
  if (dpop === undefined) return undefined;
  if (withoutDpop === true) throw new Refusal("dpop_unsupported");
  return { text: String(dpop), method, path: pathOf(url) };
}

/** Gives a client that sends proofs the nonce for the next one, if the server wants nonces (section 8.2). */
export function addNonce(reply: FastifyReply, proof: PresentedProof | undefined): void {
  const { dpopNonces } = reply.server.core;
  if (proof !== undefined && dpopNonces !== undefined) reply.header("DPoP-Nonce", dpopNonces.current());
}

const ALGS = `algs="${DPOP_ALGORITHMS.join(" ")}"`;

/** The proof beside an access token is wrong, in any dialect. */
const ABOUT_PROOF: ReadonlySet<Code> = new Set(["dpop_token_proof_invalid", "dpop_token_nonce_missing"]);

/**
 * Gives an answer the challenge of the scheme DPoP (section 7.1). It does so if the proof beside a token is wrong, or if the
 * token came under this scheme.
 */
export function withDpopChallenge(answer: WireResponse, refusal: Refusal, authorization = ""): WireResponse {
  const challenge = challengeOf(refusal, answer.headers?.["WWW-Authenticate"], authorization);
  return challenge === undefined
    ? answer
    : { ...answer, headers: { ...answer.headers, "WWW-Authenticate": `DPoP ${challenge}, ${ALGS}` } };
}

/** The parameters of the challenge; undefined if it is of another scheme. @param given the challenge of the dialect */
function challengeOf({ row, error, message }: Refusal, given = "", authorization: string): string | undefined {
  // No message contains a quote.
  if (ABOUT_PROOF.has(row.code)) return `realm="jeton", error="${error}", error_description="${message}"`;
  const [, parameters] = /^Bearer (.*)$/.exec(given) ?? [];
  return /^dpop /i.test(authorization) ? parameters : undefined;
}
