import { readRegistrationToken } from "../clients/registration-token.js";
import type { Core } from "../core.js";
import { examineJwt } from "../keys/examine.js";
import { lookUpInitialToken, lookUpTicket } from "../store/token-lookups.js";
import { tokenFacts } from "../store/token-facts.js";
import { readTicket } from "../tokens/permission-ticket.js";
import { openPersistedClaims } from "../tokens/persisted-claims.js";
import { accessToken } from "./token-access.js";
import { authorizationCode, deviceCode, refreshToken } from "./token-grants.js";
import { dateOf, type Described, type TokenReader } from "./token-kind.js";
import type { Reason } from "./token-reasons.js";

/** Every kind of token that this server writes. The first reader that knows a text describes it. */

const permissionTicket: TokenReader = async ({ master, db, clock }, text) => {
  const id = readTicket(master, text);
  if (id === undefined) return undefined;
  const row = await lookUpTicket(db, id, clock.statement());
  if (row === undefined) return { kind: "permission_ticket", reasons: ["unknown"] };
  const { resource_server, client_id, permissions, sub, expires_at, is_used, is_expired } = row;
  return {
    kind: "permission_ticket",
    reasons: [...(is_used ? (["used"] as const) : []), ...(is_expired ? (["expired"] as const) : [])],
    aud: resource_server,
    client_id: client_id ?? undefined,
    sub: sub ?? undefined,
    permissions: permissions.map(({ resource_id, resource_scopes }) => ({
      resource_id,
      resource_scopes: [...resource_scopes],
    })),
    expires_at,
  };
};

const persistedClaims: TokenReader = async ({ master, db, clock }, text) => {
  const opened = openPersistedClaims(master, text);
  if (opened === undefined) return undefined;
  const { sub, user_epoch, client_id, exp } = opened;
  const { now, user, deployment_epoch } = await tokenFacts(db, { sub }, clock.statement());
  const expires_at = dateOf(exp)!;
  const reasons: Reason[] = expires_at <= now ? ["expired"] : [];
  if (user === null) reasons.push("user_deleted");
  else if (deployment_epoch > user_epoch) reasons.push("everything_revoked");
  else if (user.epoch !== user_epoch) reasons.push("everything_of_user_revoked");
  if (user?.disabled === true) reasons.push("user_disabled");
  return { kind: "persisted_claims_token", reasons, client_id, sub, username: user?.username, expires_at };
};

const initialAccessToken: TokenReader = async ({ master, db, clock }, text) => {
  const hash = readRegistrationToken(master, text, "initial");
  if (hash === undefined) return undefined;
  const row = await lookUpInitialToken(db, hash, clock.statement());
  if (row === undefined) return { kind: "initial_access_token", reasons: ["unknown"] };
  const { uses_left, created_at, expires_at, is_expired } = row;
  const used = uses_left === 0 ? (["used"] as const) : [];
  const reasons = [...used, ...(is_expired ? (["expired"] as const) : [])];
  return { kind: "initial_access_token", reasons, uses_left, issued_at: created_at, expires_at };
};

/** Its hash is stored with its client, which it does not name. */
const registrationAccessToken: TokenReader = async ({ master }, text) =>
  readRegistrationToken(master, text, "management") && { kind: "registration_access_token", reasons: [] };

/** A JWT for a client, which is no bearer token. */
const otherJwt: TokenReader = async (core, text) => {
  const jwt = await examineJwt(core, text);
  if (jwt === undefined) return undefined;
  const { claims, kid, typ } = jwt;
  const { iss, sub, aud, jti, iat, exp, sid, client_id } = claims;
  return {
    kind: kindOf(typ, claims),
    reasons: [
      ...(jwt.isKeyAccepted ? [] : (["key_rejected"] as const)),
      ...(jwt.expired ? (["expired"] as const) : []),
    ],
    format: "jwt",
    ...{ iss, sub, aud, jti, kid },
    client_id: textOf(client_id) ?? textOf(aud),
    sid: textOf(sid),
    issued_at: dateOf(iat),
    expires_at: dateOf(exp),
  };
};

function kindOf(typ: string, claims: Readonly<Record<string, unknown>>): Described["kind"] {
  if (typ === "logout+jwt") return "logout_token";
  if (typ === "token-introspection+jwt") return "introspection_response";
  if (claims.auth_time !== undefined) return "id_token";
  return claims.code === undefined && claims.error === undefined ? "userinfo_response" : "authorization_response";
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === "string" ? claim : undefined;
}

/** The readers, those of the tokens that are found most often first. */
const READERS: readonly TokenReader[] = [
  refreshToken,
  authorizationCode,
  deviceCode,
  permissionTicket,
  persistedClaims,
  initialAccessToken,
  registrationAccessToken,
  accessToken,
  otherJwt,
];

/** Describes a token in hand; undefined if this server did not write it. */
export async function describeToken(core: Core, text: string): Promise<Described | undefined> {
  for (const read of READERS) {
    const described = await read(core, text);
    if (described !== undefined) return described;
  }
  return undefined;
}
