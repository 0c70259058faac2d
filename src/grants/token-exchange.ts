import { z } from "zod";
import { isHeldBy } from "../clients/confirmation.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { ExchangedToken } from "../http/recalled-facts.js";
import { optional, required } from "../http/parameters.js";
import { lookAtActors } from "../store/access-tokens.js";
import { statusQuestion, type AccessTokenClaims } from "../tokens/access-token.js";
import { readMayAct, type Actor, type ExchangedTerms } from "../tokens/exchanged.js";
import { exchangeableScope } from "./exchange-policy.js";
import { grantPlugin, type Entitlement, type GrantContext } from "./grant.js";
import { namedScopes, refuseBeyond, type ScopeContext } from "./scope.js";
import type { AudiencesOfScopes } from "./targets.js";

/**
 * Exchanges an access token of this server for another one (RFC 8693). With an actor token it is a delegation, without one
 * an impersonation. The new token never has more scopes or more time, and ends with each token that it came from.
 */

/** Token types of section 3. Both name an access token, and the second one demands a JWT. */
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const JWT = "urn:ietf:params:oauth:token-type:jwt";

/**
 * An id_token and a refresh token are not accepted. No revocation reaches an id_token, and a refresh token is the secret of
 * its own client.
 */
const accessTokenType = z.enum([ACCESS_TOKEN, JWT], {
  error: (issue) => (issue.input === undefined ? "subject_token_type_missing" : "token_type_unsupported"),
});

const parameters = z
  .object({
    subject_token: required("subject_token_missing"),
    subject_token_type: accessTokenType,
    actor_token: optional,
    actor_token_type: accessTokenType.optional(),
    requested_token_type: accessTokenType.default(ACCESS_TOKEN),
    scope: optional,
    audience: optional,
  })
  .refine(({ actor_token, actor_token_type }) => (actor_token === undefined) === (actor_token_type === undefined), {
    error: "actor_token_incomplete",
  });

export const tokenExchangeGrant = grantPlugin({
  types: ["urn:ietf:params:oauth:grant-type:token-exchange"],
  schema: parameters,
  responseTypes: [],
  // Any caller can use the name of a public client, so a rule for it would be a rule for all.
  confidentialOnly: true,
  async decide(typed, context) {
    const { core, facts } = context;
    const subject = await readToken(typed.subject_token, "subject_token_invalid", context);
    const actor = typed.actor_token === undefined ? undefined : await readActor(typed.actor_token, context);
    const inForce = await lookAtActors(core.db, statusQuestion(subject), core.clock.statement());
    if (inForce === undefined) throw new Refusal("subject_token_invalid", { reason: "not in force" });
    checkMayAct(inForce.may_act, actor?.sub ?? context.client.client_id); // exchange_not_allowed
    facts.audience_named = typed.audience;
    const declared = await core.registry.scopes();
    const { client_id, aud } = subject;
    facts.exchange = {
      kind: actor === undefined ? "impersonation" : "delegation",
      client_id,
      aud,
      scope: subject.scope,
    };
    const scope = scopeOfExchange(typed, facts.exchange, { ...context, declared, issuer: core.issuer });
    facts.sub = subject.sub;
    facts.actor = actor?.sub;
    facts.exchanged_jti = subject.jti;
    return entitlementOf(scope, { subject, actor }, typed.requested_token_type);
  },
});

/** The tokens of a request. */
interface Shown {
  readonly subject: AccessTokenClaims;
  readonly actor: AccessTokenClaims | undefined;
}

/**
 * Reads an access token that this server issued. A requesting party token is none that can be exchanged: its permissions are
 * decided for its client.
 */
async function readToken(text: string, invalid: SlotlessCode, context: GrantContext): Promise<AccessTokenClaims> {
  const read = await context.core.accessTokens.read(text);
  if (read === undefined) throw new Refusal(invalid, { reason: "not written by this server" });
  // The database decides about expiry; where its clock is behind, the new token would have no lifetime left.
  if (read.expired) throw new Refusal(invalid, { reason: "not in force" });
  const { claims } = read;
  if (claims.permissions !== undefined) throw new Refusal(invalid, { reason: "a requesting party token" });
  if (!isHeld(claims, context))
    throw new Refusal(invalid, { reason: "bound to a certificate or key that was not shown" });
  return claims;
}

/**
 * Whether the request may use a bound token. A resource server that the token is for has checked its binding (RFC 8705 section
 * 3, RFC 9449 section 7); any other client has to hold the key itself.
 */
function isHeld({ cnf, aud }: AccessTokenClaims, { client, shown }: GrantContext): boolean {
  const isForClient = [aud].flat().some((audience) => client.audiences.includes(audience));
  return isForClient || isHeldBy(cnf, shown);
}

/**
 * Reads the token of the actor. It was issued to the client that sends it, or a resource server could act in the name of each
 * of its callers. It names its actor itself, so it is no delegated one.
 */
async function readActor(text: string, context: GrantContext): Promise<AccessTokenClaims> {
  const { core, client } = context;
  const claims = await readToken(text, "actor_token_invalid", context);
  if (claims.client_id !== client.client_id) throw new Refusal("actor_token_invalid", { reason: "of another client" });
  if (claims.act !== undefined) throw new Refusal("actor_token_invalid", { reason: "of a delegation itself" });
  const inForce = await lookAtActors(core.db, statusQuestion(claims), core.clock.statement());
  if (inForce === undefined) throw new Refusal("actor_token_invalid", { reason: "not in force" });
  return claims;
}

/** A user who names an actor excludes all others (section 4.4). A value that cannot be read names none. */
function checkMayAct(may_act: unknown, actor: string): void {
  if (may_act === null || may_act === undefined) return;
  const named = readMayAct(may_act);
  if (named !== actor) throw new Refusal("exchange_not_allowed", { reason: "the user names another actor (may_act)" });
}

/**
 * The scopes of the new token: those of the request, else all that the rules allow, for the target of the request.
 * @throws Refusal exchange_not_allowed, scope_not_allowed, target_unknown
 */
export function scopeOfExchange(
  { scope, audience }: { readonly scope?: string | undefined; readonly audience?: string | undefined },
  subject: ExchangedToken,
  context: ScopeContext & { readonly declared: AudiencesOfScopes; readonly issuer: string },
): readonly string[] {
  const { client, declared, issuer } = context;
  const { kind } = subject;
  const audienceOf = (name: string) => declared.get(name)?.audience ?? issuer;
  const allowed = exchangeableScope(client.token_exchange, { kind, subject, audienceOf }).filter((name) =>
    client.scope.includes(name),
  );
  if (allowed.length === 0) throw new Refusal("exchange_not_allowed", { reason: `no rule for this ${kind}` });
  const requested = namedScopes(scope, context) ?? allowed;
  refuseBeyond(requested, allowed);
  const targets = [...(context.targets?.audiences ?? []), ...(audience === undefined ? [] : [audience])];
  if (targets.length === 0) return requested;
  const forTarget = requested.filter((name) => targets.includes(audienceOf(name)));
  if (targets.some((one) => !forTarget.some((name) => audienceOf(name) === one))) throw new Refusal("target_unknown");
  return forTarget;
}

/** Tokens that one may come from at most. Each is in its text, and is checked with it. */
const MAX_EARLIER = 10;

function entitlementOf(scope: readonly string[], { subject, actor }: Shown, requested: string): Entitlement {
  const exchanged_from = earlierTokens([subject, ...(actor === undefined ? [] : [actor])]);
  if (exchanged_from.length > MAX_EARLIER) throw new Refusal("exchange_too_long");
  return {
    scope,
    latest_exp: Math.min(subject.exp, actor?.exp ?? Number.POSITIVE_INFINITY),
    exchanged: {
      sub: subject.sub,
      user_epoch: subject.user_epoch,
      auth_time: subject.auth_time,
      act: actorsOf(subject, actor),
      exchanged_from,
      is_jwt: requested === JWT,
      issued_token_type: requested,
    },
  };
}

/** The latest actor is the outermost one (section 4.1). An impersonation does not hide the actors before it. */
function actorsOf({ act }: AccessTokenClaims, actor: AccessTokenClaims | undefined): Actor | undefined {
  return actor === undefined ? act : { sub: actor.sub, act };
}

/** The tokens, and those that they came from, each once. */
function earlierTokens(tokens: readonly AccessTokenClaims[]): ExchangedTerms["exchanged_from"] {
  const all = tokens.flatMap((claims) => {
    const { exp: _exp, exchanged_from = [], ...earlier } = statusQuestion(claims);
    return [earlier, ...exchanged_from];
  });
  return [...new Map(all.map((one) => [one.jti, one])).values()];
}
