import type { ExchangeRule } from "../clients/exchange-rule.js";
import type { ExchangedToken } from "../http/recalled-facts.js";
import { readScope } from "./scope.js";

/** The request of an exchange, as the rules of its client judge it. */
interface ExchangeQuestion {
  readonly kind: ExchangeRule["kind"];
  readonly subject: Omit<ExchangedToken, "kind">;
  /** The audience of a scope. */
  readonly audienceOf: (scope: string) => string;
}

/**
 * The scopes of a token that the rules let a client keep in an exchange: those that at least one fitting rule allows. No
 * rule adds a scope, and without a rule nothing is allowed.
 */
export function exchangeableScope(rules: readonly ExchangeRule[], question: ExchangeQuestion): readonly string[] {
  const fitting = rules.filter((rule) => rule.kind === question.kind && isAbout(rule, question.subject));
  return readScope(question.subject.scope).filter((scope) => {
    const audience = question.audienceOf(scope);
    return fitting.some(({ scopes, audiences }) => holds(scopes, [scope]) && holds(audiences, [audience]));
  });
}

function isAbout(
  { subject_clients, subject_audiences }: ExchangeRule,
  { client_id, aud }: ExchangeQuestion["subject"],
) {
  return holds(subject_clients, [client_id]) && holds(subject_audiences, [aud].flat());
}

/** An absent list sets no limit. */
function holds(list: readonly string[] | undefined, values: readonly string[]): boolean {
  return list === undefined || values.some((value) => list.includes(value));
}
