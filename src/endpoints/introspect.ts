import type { FastifyPluginAsync } from "fastify";
import { toSeconds } from "../clock.js";
import { z } from "zod";
import { tokenTypeOf, type Confirmation, type TokenType } from "../clients/confirmation.js";
import { isConfidential, mayActFor } from "../clients/methods.js";
import { shownToken } from "../clients/presented.js";
import type { Client } from "../clients/registry.js";
import { subjectFor } from "../clients/subject.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { UMA_TICKET_TYPES } from "../grants/uma-ticket.js";
import type { AuditFacts } from "../http/decision.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { lookAtToken } from "../store/access-tokens.js";
import { lookAtGrant } from "../store/grants.js";
import { readFactsOfToken } from "../store/uma-facts.js";
import { statusQuestion, type AccessTokenClaims, type Permission } from "../tokens/access-token.js";
import type { Actor } from "../tokens/exchanged.js";
import { readRefreshToken, type RefreshTokenName } from "../tokens/refresh-token.js";
import { summarise } from "../uma/explain.js";
import { evaluate } from "../uma/evaluate.js";
import { readDeviceToken } from "./device-token.js";
import type { OperationRequest } from "./operations.js";
import { signResponse, wantsSignedResponse } from "./signed-introspection.js";
import { pat } from "./uma/pat.js";

const parameters = z.object({
  token: required("token_missing"),
  token_type_hint: optional,
});

/** The description of a token (RFC 7662 section 2.2), the same for JWT and opaque tokens. */
export interface TokenState {
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
  readonly scope: string;
  readonly iat: number;
  readonly exp: number;
  readonly username?: string | undefined;
  readonly token_type?: TokenType | undefined;
  readonly aud?: string | readonly string[] | undefined;
  readonly jti?: string | undefined;
  readonly grant_id?: string | undefined;
  readonly auth_time?: number | undefined;
  readonly cnf?: Confirmation | undefined;
  /** The party that acts for the subject (RFC 8693 section 4.1). */
  readonly act?: Actor | undefined;
  /** The current permissions of a requesting party token (Federated Authorization for UMA 2.0 section 5.1.1). */
  readonly permissions?: readonly Permission[] | undefined;
}

/** Whether a token is in force. An expired token is described too, because one dialect shows it. */
type Introspection = (
  { readonly active: true; readonly state: TokenState } | { readonly active: false; readonly expired?: TokenState }
) & {
  /** The same, signed for the caller, if it asked for that (RFC 9701). */
  readonly jwt?: string;
};

declare module "./operations.js" {
  interface Operations {
    introspect: Introspection;
  }
}

const INACTIVE: Introspection = { active: false };

/** Introspection (RFC 7662), for confidential clients and for holders of a protection API token. */
export const introspectEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("introspect", {
    guard: null,
    metadata: { member: "introspection_endpoint", documents: "all", clients: "confidential" },
    run: introspect,
  });
};

async function introspect(request: OperationRequest, core: Core): Promise<Introspection> {
  const { token } = readParameters(parameters, request.parameters);
  const client = await authenticateCaller(core, token, request);
  const refresh = readRefreshToken(core.master, token);
  const found = await (refresh === undefined
    ? introspectAccess(core, token, client, request)
    : introspectRefresh(core, refresh, client, request));
  const result = seenBy(client, core, found);
  const isSigned = request.spelling.signsIntrospection === true && wantsSignedResponse(request.accept);
  return isSigned ? { ...result, jwt: await signResponse(core, client, result) } : result;
}

/** The result in the names by which the caller knows users. One with pairwise subjects learns no other name of theirs. */
function seenBy(client: Client, { master }: Core, found: Introspection): Introspection {
  if (client.subject_type === "public" || !found.active) return found;
  const { username, sub } = found.state;
  // The subject of a token without a user is its client.
  const known = username === undefined ? sub : subjectFor(master, client, sub);
  return { ...found, state: { ...found.state, sub: known, username: undefined, act: undefined } };
}

/**
 * Authenticates a device by the token that it holds, and a resource server by its PAT (Federated Authorization for UMA
 * 2.0 section 1.5). Any other client authenticates by its credentials.
 */
async function authenticateCaller(core: Core, token: string, request: OperationRequest): Promise<Client> {
  const { basic, client_id, client_assertion } = request.credentials;
  const device = await holder(core, token, request);
  if (device !== undefined) return device;
  // A token cannot authenticate the request that introspects it.
  const shown = shownToken(request.credentials);
  const byToken =
    shown !== undefined && shown !== token && [basic, client_id, client_assertion].every((one) => one === undefined);
  if (byToken) return (await pat(request, core)).client;
  const client = await core.authentication.authenticate(request);
  if (!isConfidential(client)) throw new Refusal("client_must_be_confidential");
  return client;
}

/** The device that sends only its own token: it may introspect that token (Iothentix, introspect). */
async function holder(core: Core, token: string, request: OperationRequest): Promise<Client | undefined> {
  const { basic, bearer, client_id } = request.credentials;
  if (basic !== undefined || bearer !== token) return undefined;
  const device = await readDeviceToken(core, token, { client_id, dialect: request.spelling.name });
  if (device === undefined) return undefined;
  request.facts.client_id = device.client.client_id;
  core.usage.count(device.client.client_id, request.spelling.name);
  return device.client;
}

/**
 * A client may see its own tokens, requesting party tokens for it, and tokens for its audiences. With the scope
 * `jeton:introspect` it may see all tokens.
 */
function maySee(
  client: Client,
  { client_id, aud = [], permissions }: Pick<TokenState, "client_id" | "aud"> & { readonly permissions?: unknown },
): boolean {
  if (client_id === client.client_id || mayActFor(client, "jeton:introspect")) return true;
  if (permissions !== undefined && aud === client.client_id) return true;
  return [aud].flat().some((audience) => client.audiences.includes(audience));
}

async function introspectAccess(
  core: Core,
  token: string,
  client: Client,
  { facts }: OperationRequest,
): Promise<Introspection> {
  const read = await core.accessTokens.read(token);
  if (read === undefined || !maySee(client, read.claims)) return INACTIVE;
  const { claims, expired } = read;
  facts.jti = claims.jti;
  if (claims.permissions !== undefined) return introspectPermissions(core, claims, claims.permissions, facts);
  const found = await lookAtToken(core.db, statusQuestion(claims), core.clock.statement());
  if (found !== undefined) return { active: true, state: stateOf(claims, found.username) };
  return expired ? { active: false, expired: stateOf(claims, null) } : INACTIVE;
}

/** Keeps the permissions that would be granted now. A token without any is inactive. */
async function introspectPermissions(
  { db, clock, issuer, previousIssuers, registry }: Core,
  claims: AccessTokenClaims,
  asked: readonly Permission[],
  facts: AuditFacts,
): Promise<Introspection> {
  const asker = await registry.find(claims.client_id);
  if (asker === null || !UMA_TICKET_TYPES.some((type) => asker.grant_types.includes(type))) return INACTIVE;
  const resources = { resource_ids: asked.map(({ resource_id }) => resource_id), resource_server: String(claims.aud) };
  const found = await readFactsOfToken(db, statusQuestion(claims), resources, clock.statement());
  if (found === undefined) return INACTIVE;
  const decision = evaluate(found, { issuer, previousIssuers, client_id: claims.client_id, asked });
  facts.uma = summarise(decision);
  const { permissions } = decision;
  return permissions.length === 0
    ? INACTIVE
    : { active: true, state: { ...stateOf(claims, found.username), permissions } };
}

/** Claims that only this server reads are left out, and so are the permissions, which are decided again. */
function stateOf(claims: AccessTokenClaims, username: string | null): TokenState {
  const { iss, sub, aud, client_id, scope, iat, exp, jti, grant_id, auth_time, cnf, act } = claims;
  return {
    iss,
    sub,
    aud,
    client_id,
    scope,
    iat,
    exp,
    jti,
    grant_id,
    auth_time,
    cnf,
    act,
    token_type: tokenTypeOf(cnf),
    username: username ?? undefined,
    permissions: undefined,
  };
}

/** A refresh token is visible to its client and to clients with `jeton:introspect`. Audiences do not matter. */
async function introspectRefresh(
  { db, clock, issuer }: Core,
  { grant_id, generation, cnf }: RefreshTokenName,
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
      cnf,
    },
  };
}
