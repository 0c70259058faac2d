import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { UI_LOCALES } from "../../src/browser/view.js";
import { html } from "../../src/pages/html.js";
import { CONSOLE_TEXTS } from "../../src/console/texts.js";
import { describeScope, say, TEXTS } from "../../src/pages/texts.js";
import { BUILT_IN_SCOPES } from "../../src/tokens/claims.js";
import { ROOT } from "../support/root.js";

/** The TypeScript of a folder, without the folders in it. */
async function sourceOf(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".ts"));
  return (await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")))).join("\n");
}

const slotsOf = (text: string): readonly string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, slot]) => slot!).sort();

t.test("every text has every language, with the same slots", async (t) => {
  for (const [name, row] of Object.entries({ ...TEXTS, ...CONSOLE_TEXTS })) {
    t.strictSame(Object.keys(row).sort(), [...UI_LOCALES].sort(), name);
    for (const language of UI_LOCALES) {
      t.match(row[language], /\S/, `${name} in ${language}`);
      t.equal(row[language], row[language].trim());
      t.strictSame(slotsOf(row[language]), slotsOf(row.en), `slots of ${name} in ${language}`);
    }
    if (Object.hasOwn(TEXTS, name)) t.not(row.de, row.en, `${name} is translated`);
  }
});

t.test("every text is used", async (t) => {
  const folders = ["src/pages", "src/uma", "src/browser", "src/browser/authorize"].map((name) => join(ROOT, name));
  const source = (await Promise.all(folders.map(sourceOf))).join("\n");
  for (const name of Object.keys(TEXTS)) {
    if (name.startsWith("scope.")) continue;
    // The code composes the names of these families: of errors by their kind, of reasons by the recorded word.
    const composed =
      /^(?:error|login|device\.outcome|reason|reason\.fails|condition|fact|obstacle)\.([\w ]+)(?:\.help)?$/.exec(name);
    const word = composed?.[1];
    const used = [name, ...(word === undefined ? [] : [word])].some((one) => source.includes(`"${one}"`));
    t.ok(used, name);
  }
});

t.test("every text of the console is used", async (t) => {
  const folders = ["src/console", "src/console/pages"].map((name) => join(ROOT, name));
  const source = (await Promise.all(folders.map(sourceOf))).join("\n");
  const composed =
    /^(?:error|login|start\.outcome|start\.none|search\.kind|state|end|keys|outcome|check|job\.state|decision|decisions\.filter)\.(\w+)(?:\.(?:help|title|done))?$/;
  for (const name of Object.keys(CONSOLE_TEXTS)) {
    const word = composed.exec(name)?.[1];
    t.ok(source.includes(`"${name}"`) || (word !== undefined && new RegExp(`\\b${word}\\b`).test(source)), name);
  }
});

t.test("no text name is in two tables", async (t) => {
  const texts = await Promise.all(
    (await readdir(join(ROOT, "src/pages/texts"))).map((name) => readFile(join(ROOT, "src/pages/texts", name), "utf8")),
  );
  const names = texts.flatMap((text) => [...text.matchAll(/^  "?([\w.: ]+)"?: \{/gm)].map(([, name]) => name!));
  t.strictSame(names.sort(), Object.keys(TEXTS).sort());
});

t.test("slots are filled once, and with markup only", async (t) => {
  const said = say("en", "consent.asks", { client: html`${"{user} <b>"}`, user: html`<bdi>alice</bdi>` });
  t.equal(`${said}`, "{user} &lt;b&gt; would like access to your account <bdi>alice</bdi>.");
});

t.test("a scope goes by its description, translated if it is a built-in one", async (t) => {
  for (const { name, description } of BUILT_IN_SCOPES) {
    t.equal(describeScope("en", name, description), description, `${name} in English`);
    t.not(describeScope("de", name, description), description, `${name} in German`);
    t.equal(describeScope("de", name, null), describeScope("de", name, description));
  }
  t.equal(
    describeScope("de", "email", "Ask the operator"),
    "Ask the operator",
    "a changed description is not overridden",
  );
  t.equal(describeScope("de", "api1", "Read your measurements"), "Read your measurements");
  for (const name of ["api1", "__proto__", "constructor", "toString", ""])
    t.equal(describeScope("de", name, null), undefined, name);
});
