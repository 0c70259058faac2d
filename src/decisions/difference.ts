import type { Code } from "../errors/catalogue.js";
import type { Check } from "./checks.js";
import type { Verdict } from "./decide-again.js";
import type { Recalled } from "./recalled.js";

/** The outcome of a decision, as far as two of them are compared. */
export interface Outcome {
  readonly outcome: Verdict["outcome"];
  readonly code?: Code | undefined;
  readonly check?: Check | undefined;
  readonly scope?: string | undefined;
  readonly audience?: string | undefined;
  readonly lifetime?: number | undefined;
}

/** What came out then, and what would come out: only the members that differ, besides the outcome; undefined if none does. */
export function differenceOf(
  recalled: Recalled,
  verdict: Verdict,
): { readonly before: Outcome; readonly after: Outcome } | undefined {
  const { code, facts, again } = recalled;
  const [outcome, { code: codeNow, check }] = [code === undefined ? "granted" : "refused", verdict] as const;
  if (verdict.outcome !== outcome)
    return { before: { outcome, code }, after: { outcome: verdict.outcome, code: codeNow, check } };
  if (outcome === "refused")
    return code === codeNow ? undefined : { before: { outcome, code }, after: { outcome, code: codeNow, check } };
  const then = { scope: textOf(facts.scope_granted), audience: textOf(facts.audience), lifetime: again.lifetime };
  const now = { scope: textOf(verdict.scope), audience: textOf(verdict.audience), lifetime: verdict.lifetime };
  const names = (["scope", "audience", "lifetime"] as const).filter(
    (name) => then[name] !== undefined && now[name] !== undefined && then[name] !== now[name],
  );
  const pick = (from: typeof then) => Object.fromEntries(names.map((name) => [name, from[name]]));
  return names.length === 0 ? undefined : { before: { outcome, ...pick(then) }, after: { outcome, ...pick(now) } };
}

export function differs(recalled: Recalled, verdict: Verdict): boolean {
  return differenceOf(recalled, verdict) !== undefined;
}

/** A list in an order of its own, because the order of scopes and audiences means nothing. */
function textOf(list: string | readonly string[] | undefined): string | undefined {
  return list === undefined ? undefined : [list].flat().sort().join(" ");
}
