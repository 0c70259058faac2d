/** The languages the pages are written in; the first is what everybody else gets. */
export const LANGUAGES = ["en", "de"] as const satisfies readonly string[];

export type Language = (typeof LANGUAGES)[number];

/** More than any browser sends. What stands beyond is not read: the header is the sender's, the time is ours. */
const MAX_HEADER_LENGTH = 1000;

/**
 * The language of a page: the first of `ui_locales` we have (OpenID Connect Core section 3.1.2.1), else the best of
 * Accept-Language (RFC 9110 section 12.5.4), else English.
 */
export function chooseLanguage(uiLocales: string | undefined, acceptLanguage: string | undefined): Language {
  const asked = head(uiLocales, " ")
    .map(languageOf)
    .find((one) => one !== undefined);
  return asked ?? accepted(head(acceptLanguage, ","));
}

/** The items of a list, without those that stand behind the limit or are cut by it. */
function head(list: string | undefined, separator: string): readonly string[] {
  if (list === undefined) return [];
  const items = list.slice(0, MAX_HEADER_LENGTH).split(separator);
  return list.length > MAX_HEADER_LENGTH ? items.slice(0, -1) : items;
}

/** `de`, `de-AT` and `DE_at` are German. */
function languageOf(tag: string): Language | undefined {
  const primary = tag.trim().split(/[-_]/, 1)[0]?.toLowerCase();
  return LANGUAGES.find((one) => one === primary);
}

function accepted(ranges: readonly string[]): Language {
  const weights = new Map<Language | "*", number>();
  for (const range of ranges) {
    const [tag = "", ...parameters] = range.split(";");
    const name = tag.trim() === "*" ? "*" : languageOf(tag);
    if (name !== undefined) weights.set(name, Math.max(weights.get(name) ?? 0, weightOf(parameters)));
  }
  // of equal weights the one named first, as browsers mean it; "*" stands for what is not named
  const named = [...weights.keys()].filter((name) => name !== "*");
  const order = [...named, ...LANGUAGES.filter((one) => !named.includes(one))];
  const weight = (one: Language): number => weights.get(one) ?? weights.get("*") ?? 0;
  const best = order.reduce((first, next) => (weight(next) > weight(first) ? next : first));
  return weight(best) > 0 ? best : LANGUAGES[0];
}

/** RFC 9110 section 12.4.2: 0 is "not acceptable", and so is what is no weight at all. */
function weightOf(parameters: readonly string[]): number {
  const given = parameters.map((one) => one.trim().toLowerCase()).find((one) => one.startsWith("q="));
  if (given === undefined) return 1;
  return /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(given) ? Number(given.slice(2)) : 0;
}
