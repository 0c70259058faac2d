import type { FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";

/** Checks on the envelope of a request, before its body is read. */

/** Client credentials that must not stand in a URL (RFC 6749 section 2.3.1). */
const CLIENT_CREDENTIALS = new Set(["client_secret", "client_assertion"]);

/** Everything else that must not: a URL is logged by every proxy on its way (RFC 9700 section 4.3.2). */
const CREDENTIALS = new Set([
  "username",
  "password",
  "token",
  "access_token",
  "refresh_token",
  "id_token",
  "code",
  "code_verifier",
  "ticket",
  "claim_token",
  "pct",
  "rpt",
]);

/** @throws Refusal if the query holds a credential; anything else in a query is ignored */
export function refuseCredentialsInQuery(request: FastifyRequest): void {
  const query = request.url.split("?", 2)[1];
  if (query === undefined) return;
  const names = [...new URLSearchParams(query).keys()];
  if (names.some((name) => CLIENT_CREDENTIALS.has(name))) throw new Refusal("client_credential_in_query");
  const name = names.find((one) => CREDENTIALS.has(one));
  if (name !== undefined) throw new Refusal("credential_in_query", { name });
}

/** @throws Refusal for a compressed body: none of our clients sends one, and a bomb would be (RFC 9110 section 8.4) */
export function refuseEncodedBody({ headers }: FastifyRequest): void {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") throw new Refusal("media_type_unsupported");
}

/** The Authorization header. Node keeps the first of several and drops the others, so they are counted here. */
export function singleAuthorization({ raw, headers }: FastifyRequest): string | undefined {
  const names = raw.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === "authorization");
  if (names.length > 1) throw new Refusal("authorization_header_repeated");
  return headers.authorization;
}
