import { UI_LOCALES } from "../browser/view.js";

export type Language = (typeof UI_LOCALES)[number];

/** Texts by name, each in every language. */
export type TextTable = Readonly<Record<string, Readonly<Record<Language, string>>>>;

/** Accept-Language is read up to this many characters, which is more than any browser sends. */
const MAX_HEADER_LENGTH = 1000;

/**
 * The language of a page: the first supported one of `ui_locales` (OpenID Connect Core section 3.1.2.1), else the best
 * of Accept-Language (RFC 9110 section 12.5.4), else English.
 */
export function chooseLanguage(uiLocales: string | undefined, acceptLanguage: string | undefined): Language {
  const asked = head(uiLocales, " ")
    .map(languageOf)
    .find((one) => one !== undefined);
  return asked ?? accepted(head(acceptLanguage, ","));
}

/** The items of a list that lie wholly within the limit. */
function head(list: string | undefined, separator: string): readonly string[] {
  if (list === undefined) return [];
  const items = list.slice(0, MAX_HEADER_LENGTH).split(separator);
  return list.length > MAX_HEADER_LENGTH ? items.slice(0, -1) : items;
}

/** `de`, `de-AT` and `DE_at` are German. */
function languageOf(tag: string): Language | undefined {
  const primary = tag.trim().split(/[-_]/, 1)[0]?.toLowerCase();
  return UI_LOCALES.find((one) => one === primary);
}

function accepted(ranges: readonly string[]): Language {
  const weights = new Map<Language | "*", number>();
  for (const range of ranges) {
    const [tag = "", ...parameters] = range.split(";");
    const name = tag.trim() === "*" ? "*" : languageOf(tag);
    if (name !== undefined) weights.set(name, Math.max(weights.get(name) ?? 0, weightOf(parameters)));
  }
  // Of equal weights the first one wins, as browsers intend. "*" is the weight of every language that is not named.
  const named = [...weights.keys()].filter((name) => name !== "*");
  const order = [...named, ...UI_LOCALES.filter((one) => !named.includes(one))];
  const weight = (one: Language): number => weights.get(one) ?? weights.get("*") ?? 0;
  const best = order.reduce((first, next) => (weight(next) > weight(first) ? next : first));
  return weight(best) > 0 ? best : UI_LOCALES[0];
}

/** The weight of a range (RFC 9110 section 12.4.2). 0 means "not acceptable"; a malformed weight counts as 0. */
function weightOf(parameters: readonly string[]): number {
  const given = parameters.map((one) => one.trim().toLowerCase()).find((one) => one.startsWith("q="));
  if (given === undefined) return 1;
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(given) ? Number(given.slice(2)) : 0;
}
