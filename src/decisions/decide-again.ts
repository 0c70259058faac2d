import type { Code } from "../errors/catalogue.js";
import { isRefusal, type Refusal } from "../errors/refusal.js";
import { isAboutUse } from "../clients/usable.js";
import { UMA_TICKET_TYPES } from "../grants/uma-ticket.js";
import { audienceOf } from "../tokens/audience.js";
import type { Again } from "./again.js";
import { checksOf, hasRules, type Check } from "./checks.js";
import type { Configuration } from "./configuration.js";
import type { Recalled } from "./recalled.js";
import { RULES } from "./rules.js";

/**
 * A kept request, decided again. Its checks are made in their order. A check that depends on the configuration is made by its rule.
 * What the request proved is carried over: a right password stays right, a wrong one stays wrong.
 */

/** What would come out. `open`: the request would get further than it did, to a check that was never made. */
export interface Verdict {
  readonly outcome: "granted" | "refused" | "open";
  /** The check that refuses, or the first one whose result is not known. */
  readonly check?: Check | undefined;
  readonly code?: Code | undefined;
  readonly message?: string | undefined;
  readonly scope?: readonly string[] | undefined;
  readonly audience?: string | readonly string[] | undefined;
  /** Seconds. */
  readonly lifetime?: number | undefined;
}

/** Checks of what a request proved. */
const CARRIED: ReadonlySet<Check> = new Set<Check>(["authentication", "credential", "login", "consent"]);

/** Refusals that follow from the configuration alone, so that another configuration may let the request pass. */
const RULED: ReadonlySet<Code> = new Set<Code>([
  "client_unknown",
  ...(["grant_type_not_allowed", "response_type_not_allowed"] as const),
  ...(["dpop_proof_missing", "client_certificate_missing", "target_unknown", "scope_not_allowed"] as const),
  ...(["pushed_request_required", "request_object_required", "code_challenge_missing"] as const),
  ...(["redirect_uri_unknown", "redirect_uri_missing", "code_redirect_uri_unknown", "exchange_not_allowed"] as const),
]);

/** Decides a kept request under a configuration, without any effect. */
export async function decideAgain(recalled: Recalled, configuration: Configuration): Promise<Verdict> {
  const { refusedBy, facts } = recalled;
  const checks = hasRules(facts.operation) ? checksOf(facts.operation, facts.grant_type) : [];
  const again: Again = { recalled, configuration, client: undefined, targets: undefined, scope: undefined };
  if (refusedBy !== undefined && !checks.includes(refusedBy)) return asThen(recalled);
  let isBeyond = false;
  for (const check of checks) {
    if (check === refusedBy && isProven(recalled)) return asThen(recalled);
    const refusal = await refusalOf(check, again);
    if (refusal !== undefined) return refusedWith(check, refusal);
    if (isBeyond && CARRIED.has(check) && !isPublic(again)) return { outcome: "open", check };
    if (check !== refusedBy) continue;
    if (check === "authentication" && hasOtherMethod(again)) return { outcome: "open", check };
    if (!mayPass(again)) return asThen(recalled);
    isBeyond = true;
  }
  return grantedBy(again);
}

/** Whether a request was refused for what it proved, and not by a rule. A client may have other methods by now. */
function isProven({ code, refusedBy }: Recalled): boolean {
  const isRuled = code !== undefined && RULED.has(code);
  return !isRuled && refusedBy !== "authentication" && refusedBy !== "person" && refusedBy !== "rules";
}

async function refusalOf(check: Check, again: Again): Promise<Refusal | undefined> {
  try {
    await RULES[check]?.(again);
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

function refusedWith(check: Check, { row, message }: Refusal): Verdict {
  return { outcome: "refused", check, code: row.code, message };
}

/** Whether the check that refused then is a rule whose inputs are known. */
function mayPass({ recalled: { code, refusedBy, client_id, sub, again, facts }, scope }: Again): boolean {
  if (refusedBy === "person") return sub !== undefined;
  if (refusedBy === "rules" && code === "assertion_grant_invalid") return true;
  if (code === undefined || !RULED.has(code) || client_id === undefined) return false;
  if (refusedBy === "redirect_uri" && again.authorization !== undefined)
    return again.authorization.redirect_uri !== undefined;
  if (code === "client_unknown") return isAboutUse(facts.reason);
  if (code === "exchange_not_allowed") return again.exchange !== undefined;
  if (refusedBy === "scope" && scope === undefined) return false;
  if (code === "target_unknown" && refusedBy === "resource") return again.exchange === undefined && !isTicket(facts);
  return code !== "code_challenge_missing" || again.authorization?.has_challenge === false;
}

/** A ticket says by itself for which resource server it is. */
function isTicket({ grant_type }: Recalled["facts"]): boolean {
  return UMA_TICKET_TYPES.some((type) => type === grant_type);
}

/** A client that proves nothing passes its authentication. */
function isPublic({ client }: Again): boolean {
  return client?.token_endpoint_auth_method === "none";
}

function hasOtherMethod({ client, recalled: { facts } }: Again): boolean {
  const { token_endpoint_auth_method: only } = client ?? {};
  return only !== undefined && only !== null && facts.client_auth !== undefined && only !== facts.client_auth;
}

function asThen({ code, refusedBy }: Recalled): Verdict {
  return { outcome: "refused", check: refusedBy, code };
}

function grantedBy({ recalled: { facts, again }, configuration, client, scope }: Again): Verdict {
  const { issuer, scopes } = configuration;
  const lifetime = again.lifetime === undefined ? undefined : client?.access_token_lifetime;
  const audience = facts.audience === undefined || scope === undefined ? undefined : audienceOf(scope, scopes, issuer);
  return { outcome: "granted", scope, audience, lifetime };
}
