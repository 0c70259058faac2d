import { newId } from "../clock.js";
import { isConfidential } from "../clients/methods.js";
import { openGrant } from "../store/grants.js";
import { claimsAbout } from "../tokens/claims.js";
import { issueIdToken } from "../tokens/id-token.js";
import { writeRefreshToken, type RefreshTokenName } from "../tokens/refresh-token.js";
import type { Entitlement, GrantContext, RequestingPartyNews } from "./grant.js";

/** A token answer before a dialect spells it (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3). */
export interface IssuedTokens {
  readonly access_token: string;
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: readonly string[];
  readonly refresh_token?: string;
  readonly id_token?: string;
  /** Whom the access token speaks for: a person, or the client itself. */
  readonly sub: string;
  /** Where it is a requesting party token. */
  readonly rpt?: RequestingPartyNews;
}

/** Turns what a grant decided into tokens, and puts them on record. */
export async function issue(context: GrantContext, entitlement: Entitlement): Promise<IssuedTokens> {
  const { core, client, confirmation, spelling, issuance, facts } = context;
  const { scope, user, login, rpt, renewals } = entitlement;
  const wished = spelling.refreshScope === undefined || scope.includes(spelling.refreshScope);
  const refreshable = wished && client.grant_types.includes("refresh_token");
  const grant = entitlement.grant ?? (refreshable ? await openNewGrant(context, entitlement) : undefined);
  const access = await core.accessTokens.issue({
    client,
    scope,
    spelling: spelling.tokens,
    lifetime: issuance.access_token_lifetime,
    ...(confirmation === undefined ? {} : { cnf: confirmation }),
    ...(user === undefined ? {} : { user }),
    ...(login === undefined ? {} : { auth_time: login.auth_time }),
    ...(grant === undefined ? {} : { grant_id: grant.grant_id }),
    ...(grant === undefined || !issuance.pairs ? {} : { grant_generation: grant.generation }),
    ...(rpt === undefined ? {} : { rpt }),
    ...(renewals === undefined ? {} : { renewals }),
  });
  facts.jti = access.claims.jti;
  if (access.kid !== undefined) facts.kid = access.kid;
  facts.audience = access.claims.aud;
  facts.scope_granted = scope;
  return {
    access_token: access.text,
    expires_in: access.expires_in,
    scope,
    sub: access.claims.sub,
    ...(grant !== undefined && refreshable
      ? { refresh_token: writeRefreshToken(core.master, bound(grant, context)) }
      : {}),
    ...(await idToken(context, entitlement, access.text)),
    ...(rpt === undefined ? {} : { rpt }),
  };
}

/**
 * The refresh token of a public client is bound as its access tokens are (RFC 8705 section 4), and stays so; that of any
 * other client is good for nobody who cannot authenticate as it (section 7.1).
 */
function bound(grant: RefreshTokenName, { client, confirmation }: GrantContext): RefreshTokenName {
  const certificate = grant.certificate ?? (isConfidential(client) ? undefined : confirmation?.["x5t#S256"]);
  return { ...grant, certificate };
}

/** A grant for a person who logged in and can go on with it; a client acting for itself has none (RFC 6749 section 4.4.3). */
async function openNewGrant(
  { core, client, facts }: GrantContext,
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

/** An id_token where a person was asked for by `openid`; never for a client alone. */
async function idToken(
  { core, client, spelling }: GrantContext,
  { scope, user, login, claims: asked }: Entitlement,
  access_token: string,
): Promise<{ id_token?: string }> {
  if (user === undefined || login === undefined || !scope.includes("openid")) return {};
  const wish = { ...asked, scope: spelling.tokens.idTokenCarriesClaims ? scope : [], clientScope: client.scope };
  const claims = claimsAbout(user, wish, await core.registry.scopes());
  return { id_token: await issueIdToken(core, { client, sub: user.sub, access_token, ...login, claims }) };
}
