import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { mayActFor } from "../clients/methods.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { revokeToken } from "../store/access-tokens.js";
import { endGrant } from "../store/grants.js";
import { readRefreshToken, type RefreshTokenName } from "../tokens/refresh-token.js";
import type { OperationRequest } from "./operations.js";

const parameters = z.object({
  token: required("token_missing"),
  token_type_hint: optional, // only a hint: the text of a token shows its kind (RFC 7009 section 2.1)
});

/** The outcome of a revocation. One dialect reports a token that was not in force. */
type Revocation = "revoked" | "not_in_force";

declare module "./operations.js" {
  interface Operations {
    revoke: Revocation;
  }
}

/** Revocation (RFC 7009): a client's own tokens, or any token for a client that holds `jeton:admin`. */
export const revokeEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("revoke", {
    guard: null,
    cors: "pages of the client",
    metadata: { member: "revocation_endpoint", documents: "all", clients: "all" },
    // A client that disconnects still wants its token to end.
    outlivesCaller: true,
    run: revoke,
  });
};

async function revoke(request: OperationRequest, core: Core): Promise<Revocation> {
  const { token } = readParameters(parameters, request.parameters);
  const client = await core.authentication.authenticate(request);
  const asker = { client_id: client.client_id, any: mayActFor(client, "jeton:admin") };
  const refresh = readRefreshToken(core.master, token);
  return refresh === undefined ? revokeAccess(core, token, asker, request) : revokeGrant(core, refresh, asker, request);
}

interface Asker {
  readonly client_id: string;
  /** Whether it may revoke tokens of other clients. */
  readonly any: boolean;
}

/** Revoking a refresh token ends its grant and all access tokens of the grant. */
async function revokeGrant(
  { db, clock }: Core,
  { grant_id }: RefreshTokenName,
  { client_id, any }: Asker,
  { facts }: OperationRequest,
): Promise<Revocation> {
  facts.grant_id = grant_id;
  const outcome = await endGrant(db, grant_id, any ? null : client_id, clock.statement());
  if (outcome === "foreign") throw new Refusal("token_foreign", { slots: { client_id } });
  return outcome === "ended" ? "revoked" : "not_in_force";
}

/** Revoking an access token ends this token alone. */
async function revokeAccess(
  { db, clock, accessTokens }: Core,
  token: string,
  { client_id, any }: Asker,
  { facts }: OperationRequest,
): Promise<Revocation> {
  // A token that was issued under a previous issuer name can be revoked too.
  const read = await accessTokens.read(token, true);
  if (read === undefined) return "not_in_force";
  const { claims, expired } = read;
  facts.jti = claims.jti;
  if (!any && claims.client_id !== client_id) {
    if (expired) return "not_in_force";
    throw new Refusal("token_foreign", { slots: { client_id } });
  }
  // Revoked even if it is expired by this instance's clock: another instance's clock may be behind.
  return revokeToken(db, claims.jti, claims.exp, clock.statement());
}
