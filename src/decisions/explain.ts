import { row } from "../errors/catalogue.js";
import type { Core } from "../core.js";
import { findDecision } from "../store/uma-decisions.js";
import { explain as explainUma } from "../uma/explain.js";
import { checksOf, resultsOf } from "./checks.js";
import { today, type Configuration } from "./configuration.js";
import { decideAgain, type Verdict } from "./decide-again.js";
import { differs } from "./difference.js";
import type { Recalled } from "./recalled.js";
import { CHECK_TEXTS, RESULT_TEXTS, say, type Language } from "./texts.js";

/** A decision in words: the request, the checks and their results, the refusal with its remedy, and the outcome today. */
export async function explainDecision(core: Core, recalled: Recalled, language: Language = "en") {
  const { id, decided_at, code, refusedBy, facts } = recalled;
  const configuration = await today(core);
  const verdict = await decideAgain(recalled, configuration);
  const { again: _again, ...line } = facts;
  return {
    id,
    decided_at,
    outcome: code === undefined ? ("granted" as const) : ("refused" as const),
    asked: asked(recalled, language),
    checks: resultsOf(checksOf(facts.operation, facts.grant_type), refusedBy).map(({ check, result }) => ({
      ...{ check, result },
      says: `${CHECK_TEXTS[check][language]}: ${RESULT_TEXTS[result][language]}`,
    })),
    ...(code === undefined ? {} : { refusal: refusalOf(recalled) }),
    today: { ...verdict, says: outcomeToday(recalled, verdict, language) },
    since: await changes(recalled, configuration, language),
    ...(facts.grant_type === undefined ? {} : await umaOf(core, id)),
    facts: line,
  };
}

function asked({ client_id, sub, facts }: Recalled, language: Language): string {
  const { grant_type, operation = "?", dialect = "?" } = facts;
  return say(language, "asked", {
    ...{ operation, dialect },
    client: client_id === undefined ? say(language, "asked.unknown") : say(language, "asked.client", { client_id }),
    grant: grant_type === undefined ? "" : say(language, "asked.grant", { grant_type }),
    user: sub === undefined ? "" : say(language, "asked.user", { sub }),
  });
}

function refusalOf({ code, refusedBy, facts: { reason } }: Recalled) {
  const { message, remedy, reference } = row(code!);
  return { code: code!, check: refusedBy!, message, ...(reason === undefined ? {} : { reason }), remedy, reference };
}

function outcomeToday(recalled: Recalled, verdict: Verdict, language: Language): string {
  const carried = say(language, "today.carried");
  if (!differs(recalled, verdict)) return `${say(language, "today.same")}; ${carried}`;
  const { outcome, check, code = "" } = verdict;
  if (outcome === "open") return say(language, "today.open", { check: CHECK_TEXTS[check!][language] });
  if (outcome === "refused") return `${say(language, "today.refused", { code })}; ${carried}`;
  return `${say(language, recalled.code === undefined ? "today.different" : "today.granted")}; ${carried}`;
}

/** What has changed since for the client, the user and the grant, besides the configuration. */
async function changes(
  { client_id, sub, facts, again }: Recalled,
  configuration: Configuration,
  language: Language,
): Promise<readonly string[]> {
  const client = client_id === undefined ? undefined : await configuration.client(client_id);
  const person = sub === undefined ? undefined : await configuration.person(sub);
  const grant = facts.grant_id === undefined ? undefined : await configuration.grant(facts.grant_id);
  const { client_epoch, user_epoch, scope_unknown: count } = again;
  return [
    client === null && say(language, "since.client_gone"),
    isRaised(client_epoch, client?.token_epoch) && say(language, "since.client_epoch"),
    sub !== undefined && person === undefined && say(language, "since.user_gone"),
    isRaised(user_epoch, person?.token_epoch) && say(language, "since.user_epoch"),
    facts.grant_id !== undefined && grant === undefined && say(language, "since.grant_gone"),
    grant?.ended_at && say(language, "since.grant_ended", { because: grant.ended_because ?? "?" }),
    count !== undefined && say(language, "since.scopes_unknown", { count }),
  ].filter((one) => typeof one === "string");
}

function isRaised(then: number | undefined, now: number | undefined): boolean {
  return then !== undefined && now !== undefined && now !== then;
}

/** The decision about resources behind a ticket, if it was one (src/uma). */
async function umaOf({ db }: Core, id: string) {
  const rows = await findDecision(db, id);
  return rows.length === 0 ? {} : { uma: rows.map(explainUma) };
}
