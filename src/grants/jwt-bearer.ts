import { z } from "zod";
import { normaliseIdentifier } from "../accounts/identifiers.js";
import { claimedIssuer, isSigned, keysFor, readJsonBytes, readJws } from "../clients/assertion.js";
import { checkClaims, useOnce } from "../clients/assertion-claims.js";
import { PUBLIC_KEY_ALGORITHMS } from "../clients/methods/algorithms.js";
import { registeredKeys } from "../clients/registered-keys.js";
import type { Client } from "../clients/registry.js";
import { CLOCK_TOLERANCE } from "../clock.js";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { optional, required } from "../http/parameters.js";
import { isPlainText } from "../store/plain-text.js";
import { findPerson } from "../store/people.js";
import { findTrustedIssuer, type TrustedIssuer } from "../store/trusted-issuers.js";
import type { Person } from "../store/users.js";
import { grantPlugin, type GrantContext } from "./grant.js";
import { grantedScope, namedScopes, refuseBeyond, type ScopeContext } from "./scope.js";
import { requireScopes } from "./targets.js";

/**
 * Issues an access token for a user whom a registered issuer names in an assertion (RFC 7523 section 2.1). There is no refresh
 * token (RFC 7521 section 4.1): the client asks its issuer again.
 */
const parameters = z.object({
  assertion: required("assertion_missing"),
  scope: optional,
});

/** Accepted `typ` headers. An assertion with which a client authenticates has another one. */
const TYPES: readonly unknown[] = [undefined, "JWT", "jwt", "authorization-grant+jwt"];

export const jwtBearerGrant = grantPlugin({
  types: ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
  schema: parameters,
  responseTypes: [],
  async decide({ assertion, scope }, context) {
    const { core, facts } = context;
    const issuer = await issuerOf(assertion, context);
    const granted = scopeOfAssertion(scope, issuer, context); // scope_not_allowed, target_unknown
    const { claims, once } = await verify(assertion, issuer, context).catch(notAccepted);
    const user = await findUser(claims, issuer, context);
    facts.sub = user.sub;
    // The last step, so that a refused assertion is not used up.
    await useOnce(`grant\n${issuer.issuer}`, once, core).catch(notAccepted);
    // RFC 7521 section 4.1: the token does not outlive the assertion.
    return { scope: granted, user, latest_exp: once.exp + CLOCK_TOLERANCE };
  },
});

/** One answer for every fault of an assertion; the log has the reason. */
function invalid(reason: string): Refusal {
  return new Refusal("assertion_grant_invalid", { reason });
}

/** The refusals of client authentication as those of a grant (RFC 7521 section 4.1.1). */
function notAccepted(error: unknown): never {
  throw isRefusal(error) ? invalid(error.reason ?? error.row.message) : error;
}

/** The issuer that an assertion names, not verified yet. */
async function issuerOf(assertion: string, { core, client, facts }: GrantContext): Promise<TrustedIssuer> {
  const name = await Promise.resolve(assertion).then(claimedIssuer).catch(notAccepted);
  if (name === undefined || !isPlainText(name)) throw invalid("names no issuer");
  // A token of this server is no assertion, even if an operator registers its keys.
  if ([core.issuer, ...core.previousIssuers].includes(name)) throw invalid("names this server");
  const issuer = await findTrustedIssuer(core.db, name);
  if (issuer === undefined) throw invalid("its issuer is not registered");
  facts.assertion_issuer = issuer.issuer;
  requireUsable(issuer, client);
  return issuer;
}

/** @throws Refusal assertion_grant_invalid if a client may not use an issuer */
export function requireUsable(
  { disabled, clients }: Pick<TrustedIssuer, "disabled" | "clients">,
  { client_id }: Pick<Client, "client_id">,
): void {
  if (disabled) throw invalid("its issuer is disabled");
  if (!clients.includes(client_id)) throw invalid("the client may not use this issuer");
}

/** The scopes that the client and the issuer have in common. */
export function scopeOfAssertion(
  scope: string | undefined,
  { scopes }: Pick<TrustedIssuer, "scopes">,
  context: ScopeContext,
): readonly string[] {
  const requested = grantedScope(scope, context);
  if (namedScopes(scope, context) !== undefined) refuseBeyond(requested, scopes);
  const common = requested.filter((name) => scopes.includes(name));
  if (common.length === 0) refuseBeyond(requested, []);
  requireScopes(context.targets, common);
  return common;
}

/** Verifies signature and claims (RFC 7523 section 3). */
async function verify(assertion: string, issuer: TrustedIssuer, { core, assertionAudiences }: GrantContext) {
  const jws = readJws(assertion);
  const { kid } = jws.header;
  const keys = await registeredKeys(issuer, core.keySets, (key) => kid === undefined || key.kid === kid);
  const signed = await isSigned(jws, keysFor(keys, jws.header), PUBLIC_KEY_ALGORITHMS, TYPES);
  if (!signed) throw new Refusal("assertion_signature_wrong");
  const { issuer: iss, assertion_lifetime: lifetime } = issuer;
  const expected = { iss, sub: undefined, lifetime, audiences: assertionAudiences };
  const once = checkClaims(jws.payload, expected, core.clock);
  return { once, claims: readJsonBytes(jws.payload) as Readonly<Record<string, unknown>> };
}

/** The enabled user whom the claims name. The issuer may name this user, and asserts the claims that it has to. */
async function findUser(
  claims: Readonly<Record<string, unknown>>,
  { subject_claim, subject_is, subjects, claims: demanded }: TrustedIssuer,
  { core }: GrantContext,
): Promise<Person> {
  const claim = (name: string) => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  const wrong = Object.entries(demanded).find(([name, value]) => claim(name) !== value);
  if (wrong !== undefined) throw invalid("lacks a demanded claim");
  const subject = claim(subject_claim);
  if (typeof subject !== "string" || !isPlainText(subject)) throw invalid("names no user");
  if (typeof claim("sub") !== "string") throw invalid("has no sub");
  if (subjects?.includes(subject) === false) throw invalid("its subject is not among those of the issuer");
  const value = subject_is === "sub" ? subject : normaliseIdentifier(subject);
  const user = await findPerson(core.db, subject_is, value);
  if (user === undefined) throw invalid("no such user, or a disabled one");
  return user;
}
