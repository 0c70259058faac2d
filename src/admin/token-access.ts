import type { Core } from "../core.js";
import { UMA_TICKET_TYPES } from "../grants/uma-ticket.js";
import { examineJwt } from "../keys/examine.js";
import { tokenFacts } from "../store/token-facts.js";
import { readFactsOfToken } from "../store/uma-facts.js";
import { readClaims, statusQuestion, type AccessTokenClaims, type Permission } from "../tokens/access-token.js";
import { evaluate } from "../uma/evaluate.js";
import { dateOf, type TokenReader } from "./token-kind.js";
import { reasonsAgainst, type Reason } from "./token-reasons.js";

/** Access tokens in hand: JWT and opaque ones, those of devices and of Kii, and requesting party tokens. */
export const accessToken: TokenReader = async (core, text) => {
  const jwt = await examineJwt(core, text);
  const claims = jwt === undefined ? (await core.accessTokens.read(text, true))?.claims : readClaims(jwt.claims);
  if (claims === undefined) return undefined;
  const facts = await tokenFacts(core.db, statusQuestion(claims), core.clock.statement());
  const expires_at = dateOf(claims.exp)!;
  const reasons: Reason[] = [
    ...(jwt?.isKeyAccepted === false ? (["key_rejected"] as const) : []),
    ...(isForeign(core, claims.iss) ? (["other_issuer"] as const) : []),
    ...(expires_at <= facts.now ? (["expired"] as const) : []),
    ...reasonsAgainst(statusQuestion(claims), facts),
    ...((await hasEndedBefore(core, claims)) ? (["earlier_token_ended"] as const) : []),
  ];
  const asked = claims.permissions;
  const permissions = asked && reasons.length === 0 ? await permissionsLeft(core, claims, asked) : undefined;
  if (permissions?.length === 0) reasons.push("no_permission_left");
  return {
    kind: asked === undefined ? "access_token" : "requesting_party_token",
    reasons,
    format: jwt === undefined ? "opaque" : "jwt",
    ...about(claims),
    username: facts.user?.username,
    kid: jwt?.kid,
    ended_because: facts.grant?.because ?? undefined,
    permissions,
  };
};

function about({
  iss,
  client_id,
  sub,
  scope,
  aud,
  jti,
  grant_id,
  grant_generation,
  cnf,
  act,
  iat,
  exp,
}: AccessTokenClaims) {
  const times = { issued_at: dateOf(iat), expires_at: dateOf(exp) };
  return {
    iss,
    client_id,
    sub,
    scope,
    aud,
    jti,
    grant_id,
    generation: grant_generation,
    cnf,
    actor: act?.sub,
    ...times,
  };
}

/** A command on the machine of the server may not know the name of the server. */
function isForeign({ issuer, previousIssuers }: Core, iss: string): boolean {
  return issuer !== "" && iss !== issuer && !previousIssuers.includes(iss);
}

/** Whether a token that this one was exchanged from has ended. Its expiry does not matter. */
async function hasEndedBefore({ db, clock }: Core, { exchanged_from = [] }: AccessTokenClaims): Promise<boolean> {
  for (const { sub, user_epoch, grant_id, grant_generation, ...earlier } of exchanged_from) {
    const subject = { ...earlier, sub, user_epoch, grant_id, grant_generation };
    if (reasonsAgainst(subject, await tokenFacts(db, subject, clock.statement())).length > 0) return true;
  }
  return false;
}

/** The permissions of a requesting party token that its policies grant now, as introspection decides. */
async function permissionsLeft(core: Core, claims: AccessTokenClaims, asked: readonly Permission[]) {
  const { db, clock, issuer, previousIssuers, registry } = core;
  const { client_id } = claims;
  const asker = await registry.find(client_id);
  if (asker === null || !UMA_TICKET_TYPES.some((type) => asker.grant_types.includes(type))) return [];
  const resources = { resource_ids: asked.map(({ resource_id }) => resource_id), resource_server: String(claims.aud) };
  const found = await readFactsOfToken(db, statusQuestion(claims), resources, clock.statement());
  const granted = found && evaluate(found, { issuer, previousIssuers, client_id, asked }).permissions;
  return (granted ?? []).map(({ resource_id, resource_scopes }) => ({
    resource_id,
    resource_scopes: [...resource_scopes],
  }));
}
