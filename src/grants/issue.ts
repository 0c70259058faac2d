import { newId } from "../clock.js";
import { confirmation as bindings, tokenTypeOf, type TokenType } from "../clients/confirmation.js";
import { encryptFor } from "../clients/encryption.js";
import { isConfidential } from "../clients/methods.js";
import { scopeOfPerson } from "../clients/admin-scopes.js";
import { openGrant } from "../store/grants.js";
import { claimsAbout } from "../tokens/claims.js";
import { issueIdToken } from "../tokens/id-token.js";
import { writeRefreshToken, type RefreshTokenName } from "../tokens/refresh-token.js";
import type { Entitlement, GrantContext, RequestingPartyNews } from "./grant.js";
import { refuseBeyond } from "./scope.js";

/** A token response before a dialect words it (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3). */
export interface IssuedTokens {
  readonly access_token: string;
  readonly token_type: TokenType;
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: readonly string[];
  readonly refresh_token?: string | undefined;
  readonly id_token?: string | undefined;
  /** The subject of the access token: a person, or the client itself. */
  readonly sub: string;
  /** Present for a requesting party token. */
  readonly rpt?: RequestingPartyNews | undefined;
  /** Present for an exchanged token (RFC 8693 section 2.2.1). */
  readonly issued_token_type?: string | undefined;
}

/**
 * Issues the tokens of an entitlement, and adds them to the audit facts. Every token of a person comes by here, so here it loses
 * the scopes of administration that the person has no role for (docs/decisions/0029).
 * @throws Refusal scope_not_allowed if no scope is left
 */
export async function issue(context: GrantContext, entitled: Entitlement): Promise<IssuedTokens> {
  const scope = scopeByRoles(entitled);
  const entitlement = scope === entitled.scope ? entitled : { ...entitled, scope };
  const { core, client, confirmation, spelling, issuance, facts } = context;
  const { user, login, rpt, renewals, exchanged, latest_exp } = entitlement;
  const wished = spelling.refreshScope === undefined || scope.includes(spelling.refreshScope);
  const refreshable = wished && client.grant_types.includes("refresh_token");
  const grant = entitlement.grant ?? (refreshable ? await openNewGrant(context, entitlement) : undefined);
  const access = await core.accessTokens.issue({
    client,
    scope,
    spelling: spelling.tokens,
    lifetime: issuance.access_token_lifetime,
    latest_exp,
    cnf: confirmation,
    user,
    auth_time: login?.auth_time,
    grant_id: grant?.grant_id,
    grant_generation: issuance.pairs ? grant?.generation : undefined,
    rpt,
    renewals,
    exchanged,
  });
  facts.jti = access.claims.jti;
  if (user !== undefined) facts.user_epoch = user.token_epoch;
  facts.kid = access.kid;
  facts.audience = access.claims.aud;
  facts.scope_granted = scope;
  if (issuance.access_token_lifetime === undefined && access.expires_in === client.access_token_lifetime)
    facts.lifetime = access.expires_in;
  return {
    access_token: access.text,
    token_type: tokenTypeOf(confirmation),
    expires_in: access.expires_in,
    scope,
    sub: access.claims.sub,
    refresh_token: refreshable && grant ? writeRefreshToken(core.master, bound(grant, context)) : undefined,
    id_token: await idToken(context, entitlement, access.text),
    rpt,
    issued_token_type: exchanged?.issued_token_type,
  };
}

/**
 * The scopes that the roles of a person allow.
 * @throws Refusal scope_not_allowed if no scope is left
 */
export function scopeByRoles({
  scope,
  user,
}: {
  readonly scope: readonly string[];
  readonly user?: { readonly roles: readonly string[] } | undefined;
}): readonly string[] {
  if (user === undefined) return scope;
  const kept = scopeOfPerson(scope, user.roles);
  if (kept.length === 0) refuseBeyond(scope, kept);
  return kept;
}

/**
 * The refresh token of a public client is bound to the keys of its access tokens, and stays bound. RFC 8705 section 4 and
 * RFC 9449 section 5 say so. A confidential client has to authenticate at each refresh, so its refresh tokens need no binding.
 */
function bound(
  { grant_id, generation, cnf }: RefreshTokenName,
  { client, confirmation }: GrantContext,
): RefreshTokenName {
  const now = isConfidential(client) ? undefined : confirmation;
  return { grant_id, generation, cnf: bindings(cnf?.["x5t#S256"] ?? now?.["x5t#S256"], cnf?.jkt ?? now?.jkt) };
}

/** Stores a grant for a person who has logged in. A client that acts for itself gets none (RFC 6749 section 4.4.3). */
async function openNewGrant(
  { core, client, spelling, facts }: GrantContext,
  { scope, user, login }: Entitlement,
): Promise<RefreshTokenName | undefined> {
  if (user === undefined || login === undefined) return undefined;
  const grant_id = newId(core.random);
  await openGrant(
    core.db,
    {
      id: grant_id,
      client_id: client.client_id,
      sub: user.sub,
      user_epoch: user.token_epoch,
      client_epoch: client.token_epoch,
      dialect: spelling.name,
      scope,
      auth_time: new Date(login.auth_time * 1000),
      amr: login.amr,
      idle: client.refresh_token_lifetime,
      absolute: client.refresh_token_absolute_lifetime,
    },
    core.clock.statement(),
  );
  facts.grant_id = grant_id;
  return { grant_id, generation: 0 };
}

/** An id_token if the scope has `openid` and a person has logged in. */
async function idToken(
  { core, client, spelling }: GrantContext,
  { scope, user, login, claims: asked }: Entitlement,
  access_token: string,
): Promise<string | undefined> {
  if (user === undefined || login === undefined || !scope.includes("openid")) return undefined;
  // Some clients never ask for the userinfo response.
  const inside = spelling.tokens.idTokenCarriesClaims || client.id_token_claims === "scope";
  const wish = { ...asked, scope: inside ? scope : [], clientScope: client.scope };
  const claims = claimsAbout(user, wish, await core.registry.scopes());
  const text = await issueIdToken(core, { client, sub: user.sub, access_token, ...login, claims });
  const { id_token_encrypted_response_alg: alg, id_token_encrypted_response_enc: enc } = client;
  return alg === null ? text : encryptFor(client, core.keySets, text, { alg, enc, cty: "JWT" });
}
