import type { FastifyPluginAsync } from "fastify";
import { toSeconds } from "../clock.js";
import { z } from "zod";
import { isConfidential, mayActFor, type Confirmation } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { lookAtToken } from "../store/access-tokens.js";
import { lookAtGrant } from "../store/grants.js";
import { statusQuestion, type AccessTokenClaims } from "../tokens/access-token.js";
import { readRefreshToken, type RefreshTokenName } from "../tokens/refresh-token.js";
import type { OperationRequest } from "./operations.js";

const parameters = z.object({
  token: required("token_missing"),
  token_type_hint: optional,
});

/** What is said of a token (RFC 7662 section 2.2), the same for a JWT and for an opaque one. */
export interface TokenState {
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
  readonly username?: string;
  readonly token_type?: "Bearer";
  readonly aud?: string | readonly string[];
  readonly jti?: string;
  readonly grant_id?: string;
  readonly auth_time?: number;
  readonly cnf?: Confirmation;
}

/** Whether a token is in force. One whose time is over is described too, because one dialect does so. */
export type Introspection =
  | { readonly active: true; readonly state: TokenState }
  | { readonly active: false; readonly expired?: TokenState };

declare module "./operations.js" {
  interface Operations {
    introspect: Introspection;
  }
}

const INACTIVE: Introspection = { active: false };

/** Introspection (RFC 7662), by clients that can prove who they are. */
export const introspectEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("introspect", (request) => introspect(app.core, request));
};

async function introspect(core: Core, request: OperationRequest): Promise<Introspection> {
  const { token } = readParameters(parameters, request.parameters);
  const client = await core.authentication.authenticate(request);
  if (!isConfidential(client)) throw new Refusal("client_must_be_confidential");
  const refresh = readRefreshToken(core.master, token);
  return refresh === undefined
    ? introspectAccess(core, token, client, request)
    : introspectRefresh(core, refresh, client, request);
}

/** Its own tokens, those meant for it as a resource server, or all of them with `jeton:introspect` (contract). */
function maySee(client: Client, { client_id, aud = [] }: Pick<TokenState, "client_id" | "aud">): boolean {
  if (client_id === client.client_id || mayActFor(client, "jeton:introspect")) return true;
  return [aud].flat().some((audience) => client.audiences.includes(audience));
}

async function introspectAccess(
  { db, accessTokens }: Core,
  token: string,
  client: Client,
  { facts }: OperationRequest,
): Promise<Introspection> {
  const read = await accessTokens.read(token);
  if (read === undefined || !maySee(client, read.claims)) return INACTIVE;
  const { claims, expired } = read;
  facts.jti = claims.jti;
  if (expired) return { active: false, expired: stateOf(claims, null) };
  const found = await lookAtToken(db, statusQuestion(claims));
  return found === undefined ? INACTIVE : { active: true, state: stateOf(claims, found.username) };
}

function stateOf(claims: AccessTokenClaims, username: string | null): TokenState {
  const {
    client_epoch: _client,
    user_epoch: _user,
    grant_generation: _pair,
    grant_id,
    auth_time,
    cnf,
    ...said
  } = claims;
  return {
    ...said,
    token_type: "Bearer",
    ...(username === null ? {} : { username }),
    ...(grant_id === undefined ? {} : { grant_id }),
    ...(auth_time === undefined ? {} : { auth_time }),
    ...(cnf === undefined ? {} : { cnf }),
  };
}

/** A refresh token is nobody's business but its client's: no audience makes it visible. */
async function introspectRefresh(
  { db, clock, issuer }: Core,
  { grant_id, generation }: RefreshTokenName,
  client: Client,
  { facts }: OperationRequest,
): Promise<Introspection> {
  const found = await lookAtGrant(db, grant_id, generation, clock.statement());
  if (found === undefined || !maySee(client, { client_id: found.client_id })) return INACTIVE;
  facts.grant_id = grant_id;
  const { client_id, sub, username, scope, created_at, expires_at } = found;
  return {
    active: true,
    state: {
      iss: issuer,
      sub,
      client_id,
      username,
      scope: scope.join(" "),
      iat: toSeconds(created_at),
      exp: toSeconds(expires_at),
      grant_id,
    },
  };
}
