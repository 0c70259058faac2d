import type { Explanation } from "../uma/explain.js";
import { html, isolated, type Html } from "./html.js";
import type { Language } from "./language.js";
import { say, TEXTS, type TextName } from "./texts.js";

/** Why a decision came out as it did, in words for the owner of the resource. What has no words stands as it was recorded. */

type TriedRule = Explanation["rules"][number];

/** What a condition about a person saw where there is none; any other text is somebody's name for something. */
const NOBODY = "nobody is known";

/** Characters of what a rule compared that are shown. */
const MAX_LENGTH = 1_000;

/** How one rule came out, and what it compared. */
export function ruleSentence(language: Language, tried: TriedRule): Html {
  const { policy, rule, decided, saw } = tried;
  const place = say(language, "reason.rule", { rule: html`${String(rule)}`, policy: isolated(policy) });
  const end = decided ? html` ${say(language, "reason.decided")}` : undefined;
  const compared = Object.entries(saw).map(([condition, value]) => {
    const label = wordFor(language, "condition", condition);
    return html`${label}: ${isolated(factText(language, value), { maxLength: MAX_LENGTH })}`;
  });
  const details = compared.length === 0 ? undefined : html` <span class="quiet">(${joined(compared)})</span>`;
  return html`${place} ${resultOf(language, tried)}${end}${details}`;
}

/** What decided before any rule was tried. */
export function obstacleSentence(language: Language, because: string): Html {
  return html`${wordFor(language, "obstacle", because)}.`;
}

/** A rule that fails says at which of its conditions. */
function resultOf(language: Language, { result, because = "" }: TriedRule): Html {
  const name = result === "fails" ? `reason.fails.${because}` : `reason.${result}`;
  return isText(name)
    ? (say as (language: Language, name: TextName) => Html)(language, name)
    : isolated(`${result} ${because}`);
}

/** What a condition saw: a text, a list, or a list of what was compared with how it came out. */
function factText(language: Language, value: unknown): string {
  if (typeof value !== "object" || value === null) return value === NOBODY ? said(language, NOBODY) : String(value);
  const parts = Array.isArray(value)
    ? value.map(String)
    : Object.entries(value).map(([name, how]) => `${name} ${said(language, String(how))}`);
  return parts.join(", ") || said(language, "nothing");
}

function said(language: Language, word: string): string {
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
