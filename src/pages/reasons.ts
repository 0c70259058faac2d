import type { Explanation } from "../uma/explain.js";
import { html, isolated, type Html } from "./html.js";
import type { Language } from "./language.js";
import { say, TEXTS, type TextName } from "./texts.js";

/** The reasons of a decision, in words for the owner of the resource. A reason without a text is shown as recorded. */

type ReportedRule = Explanation["rules"][number];

/** A condition about a person records this if no person is known. Any other text is a name, and is not translated. */
const NO_PARTY = "nobody is known";

/** A recorded fact is shown up to this many characters. */
const MAX_LENGTH = 1_000;

/** The result of one rule, and the facts that it compared. */
export function ruleSentence(language: Language, evaluated: ReportedRule): Html {
  const { policy, rule, decided, saw } = evaluated;
  const place = say(language, "reason.rule", { rule: html`${String(rule)}`, policy: isolated(policy) });
  const end = decided ? html` ${say(language, "reason.decided")}` : undefined;
  const compared = Object.entries(saw).map(([condition, value]) => {
    const label = wordFor(language, "condition", condition);
    return html`${label}: ${isolated(factText(language, value), { maxLength: MAX_LENGTH })}`;
  });
  const details = compared.length === 0 ? undefined : html` <span class="quiet">(${joined(compared)})</span>`;
  return html`${place} ${resultOf(language, evaluated)}${end}${details}`;
}

/** The reason of a decision that needed no rule. */
export function obstacleSentence(language: Language, because: string): Html {
  return html`${wordFor(language, "obstacle", because)}.`;
}

/** A rule that fails names the condition that failed. */
function resultOf(language: Language, { result, because = "" }: ReportedRule): Html {
  const name = result === "fails" ? `reason.fails.${because}` : `reason.${result}`;
  return isText(name)
    ? (say as (language: Language, name: TextName) => Html)(language, name)
    : isolated(`${result} ${because}`);
}

/** The facts of a condition: a text, a list of texts, or names with the result for each. */
function factText(language: Language, value: unknown): string {
  if (typeof value !== "object" || value === null)
    return value === NO_PARTY ? factWord(language, NO_PARTY) : String(value);
  const parts = Array.isArray(value)
    ? value.map(String)
    : Object.entries(value).map(([name, how]) => `${name} ${factWord(language, String(how))}`);
  return parts.join(", ") || factWord(language, "nothing");
}

function factWord(language: Language, word: string): string {
  const name = `fact.${word}`;
  return isText(name) ? TEXTS[name][language] : word;
}

function wordFor(language: Language, kind: "condition" | "obstacle", word: string): Html {
  const name = `${kind}.${word}`;
  return isText(name) ? (say as (language: Language, name: TextName) => Html)(language, name) : isolated(word);
}

function isText(name: string): name is TextName {
  return Object.hasOwn(TEXTS, name);
}

function joined(parts: readonly Html[]): Html {
  return parts.reduce((all, part) => html`${all}; ${part}`);
}
