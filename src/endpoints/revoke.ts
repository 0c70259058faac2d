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
  token_type_hint: optional, // only a hint: every kind of token is told by its text (RFC 7009 section 2.1)
});

/** What came of a revocation; a token that was not in force is told apart because one dialect says so. */
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
  /** Whether it may revoke what was issued to others. */
  readonly any: boolean;
}

/** A refresh token stands for its grant: the grant ends, and every access token of it. */
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

/** An access token is revoked by itself; what else was issued with it stays. */
async function revokeAccess(
  { db, clock, accessTokens }: Core,
  token: string,
  { client_id, any }: Asker,
  { facts }: OperationRequest,
): Promise<Revocation> {
  // Whatever name the server had when it wrote the token: what it issued can be revoked.
  const read = await accessTokens.read(token, true);
  if (read === undefined) return "not_in_force";
  const { claims, expired } = read;
  facts.jti = claims.jti;
  if (!any && claims.client_id !== client_id) {
    if (expired) return "not_in_force";
    throw new Refusal("token_foreign", { slots: { client_id } });
  }
  // Also where this instance's clock calls it expired: another one's may not.
  return revokeToken(db, claims.jti, claims.exp, clock.statement());
}
