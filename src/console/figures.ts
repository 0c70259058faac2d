import { UI_LOCALES } from "../browser/view.js";
import { html, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";

/** Numbers and spans of time, as people of a language write them. */

const NUMBERS = new Map(UI_LOCALES.map((one) => [one, new Intl.NumberFormat(one)]));

const PERCENT = new Map(UI_LOCALES.map((one) => [one, new Intl.NumberFormat(one, { style: "percent" })]));

/** Units of time, the longest first, in seconds. */
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

export function numberText(language: Language, value: number): Html {
  return html`${NUMBERS.get(language)!.format(value)}`;
}

export function percentText(language: Language, share: number): Html {
  return html`${PERCENT.get(language)!.format(share)}`;
}

/** A span of time in its longest unit. @param seconds negative ones too */
export function spanText(language: Language, seconds: number): Html {
  const length = Math.abs(seconds);
  const [unit, size] = UNITS.find(([, one]) => length >= one) ?? ["second", 1];
  const options = {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: length < 10 ? 1 : 0,
  } as const;
  return html`${new Intl.NumberFormat(language, options).format(length / size)}`;
}
