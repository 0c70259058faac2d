import t from "tap";
import { UI_LOCALES } from "../../src/browser/view.js";
import { chooseLanguage, type Language } from "../../src/pages/language.js";

/** ui_locales, Accept-Language, and the chosen language. */
const CHOICES: readonly (readonly [string | undefined, string | undefined, Language])[] = [
  [undefined, undefined, "en"],
  ["", "", "en"],
  ["de", undefined, "de"],
  ["de-AT", "en", "de"],
  ["DE_at", "en", "de"],
  ["fr de en", "en", "de"],
  ["en de", "de", "en"],
  ["fr it", "de", "de"],
  ["deutsch den", "en", "en"],
  ["  de ", "en", "de"],
  [undefined, "de", "de"],
  [undefined, "de-CH, fr;q=0.9", "de"],
  [undefined, "de,en", "de"],
  [undefined, "en,de", "en"],
  [undefined, "en;q=0.8, de;q=0.9", "de"],
  [undefined, "de;q=0.8, en;q=0.9", "en"],
  [undefined, "de ; q=0.5 , fr", "de"],
  [undefined, "DE;Q=1.000", "de"],
  [undefined, "fr, es", "en"],
  [undefined, "de;q=0", "en"],
  [undefined, "de;q=0, *", "en"],
  [undefined, "en;q=0, *", "de"],
  [undefined, "*", "en"],
  [undefined, "*, de;q=0.5", "en"],
  [undefined, "de, *;q=0.5", "de"],
  [undefined, "de;q=2", "en"],
  [undefined, "de;q=-1", "en"],
  [undefined, "de;q=1e9", "en"],
  [undefined, "de;q=, en;q=0.1", "en"],
  [undefined, ",,;;=, ;q=1, de", "de"],
  [undefined, "__proto__, constructor;q=1, de;q=0.1", "de"],
];

t.test("ui_locales and Accept-Language choose the language of a page", async (t) => {
  t.strictSame(UI_LOCALES, ["en", "de"]);
  for (const [locales, accepted, expected] of CHOICES) {
    t.equal(chooseLanguage(locales, accepted), expected, `${locales} | ${accepted}`);
  }
});

t.test("hostile headers are ignored, and read in little time", async (t) => {
  const size = 50 * 1024;
  const hostile = ["de;", ",", ";", " ", "de;q=0.", "-", "q=", "*", "\u0000", "de;q=0.5,", "0"].map((part) =>
    part.repeat(Math.ceil(size / part.length)),
  );
  const begun = process.cpuUsage();
  for (const header of hostile) {
    t.ok(UI_LOCALES.includes(chooseLanguage(header, header)));
    t.ok(UI_LOCALES.includes(chooseLanguage(undefined, header)));
  }
  // Its own CPU time, which no other process adds to. A reader whose cost grows with the square needs minutes.
  const { user, system } = process.cpuUsage(begun);
  t.ok(user + system < 5_000_000, "22 headers of 50 KB take less than five seconds of CPU time");
  t.equal(chooseLanguage(undefined, `${"fr,".repeat(size)}de`), "en", "nothing after the limit is read");
  t.equal(chooseLanguage(undefined, `de,${"fr,".repeat(size)}`), "de");
  t.equal(chooseLanguage(undefined, `${"x".repeat(992)},de;q=0.0`), "en");
  t.equal(chooseLanguage(undefined, `${"x".repeat(995)},de;q=0.0`), "en", "nor an item the limit cuts in two");
});
