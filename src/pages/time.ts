import { UI_LOCALES } from "../browser/view.js";
import { html, type Html } from "./html.js";
import type { Language } from "./language.js";
import { say } from "./texts.js";

/** Points of time and durations in words. Times are UTC, because a browser does not send its time zone. */

// The formatters are built once, because building one takes a thousand times as long as using it.
const formats = <T>(make: (language: Language) => T) => new Map(UI_LOCALES.map((one) => [one, make(one)]));

const DAYS = formats((one) => new Intl.DateTimeFormat(one, { dateStyle: "long", timeZone: "UTC" }));

const MINUTES = formats(
  (one) =>
    new Intl.DateTimeFormat(one, {
      ...{ year: "numeric", month: "long", day: "numeric" },
      ...{ hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC", timeZoneName: "short" },
    }),
);

const SECONDS = formats(
  (one) =>
    new Intl.DateTimeFormat(one, {
      ...{ year: "numeric", month: "short", day: "numeric" },
      ...{
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        hourCycle: "h23",
        timeZone: "UTC",
        timeZoneName: "short",
      },
    }),
);

const UNITS = ["second", "minute", "hour"] as const;
const LENGTHS = formats((one) =>
  Object.fromEntries(
    UNITS.map((unit) => [unit, new Intl.NumberFormat(one, { style: "unit", unit, unitDisplay: "long" })]),
  ),
);

/** A date without its time. */
export function dayOf(language: Language, date: Date): Html {
  return timeElement(date, DAYS.get(language)?.format(date));
}

/** A date with hour and minute. */
export function minuteOf(language: Language, date: Date): Html {
  return timeElement(date, MINUTES.get(language)?.format(date));
}

/** A date with hour, minute and second, for what happens often. */
export function secondOf(language: Language, date: Date): Html {
  return timeElement(date, SECONDS.get(language)?.format(date));
}

function timeElement(date: Date, text: string | undefined): Html {
  return html`<time datetime="${date.toISOString()}">${text}</time>`;
}

/**
 * A waiting time in words, rounded up to a whole unit.
 * @param seconds undefined for "a moment"
 */
export function waitOf(language: Language, seconds: number | undefined): Html {
  if (seconds === undefined) return say(language, "wait.moment");
  const [amount, unit] =
    seconds < 100 ? [seconds, UNITS[0]] : seconds < 6_000 ? [seconds / 60, UNITS[1]] : [seconds / 3_600, UNITS[2]];
  return html`${LENGTHS.get(language)?.[unit]?.format(Math.ceil(amount))}`;
}
