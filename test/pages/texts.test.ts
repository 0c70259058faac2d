import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { html } from "../../src/pages/html.js";
import { LANGUAGES } from "../../src/pages/language.js";
import { describeScope, say, TEXTS } from "../../src/pages/texts.js";
import { BUILT_IN_SCOPES } from "../../src/tokens/claims.js";
import { ROOT } from "../support/root.js";

const slotsOf = (text: string): readonly string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, slot]) => slot!).sort();

t.test("every text stands in every language, with the same slots", async (t) => {
  for (const [name, row] of Object.entries(TEXTS)) {
    t.strictSame(Object.keys(row).sort(), [...LANGUAGES].sort(), name);
    for (const language of LANGUAGES) {
      t.match(row[language], /\S/, `${name} in ${language}`);
      t.equal(row[language], row[language].trim());
      t.strictSame(slotsOf(row[language]), slotsOf(row.en), `slots of ${name} in ${language}`);
    }
    t.not(row.de, row.en, `${name} is translated`);
  }
});

t.test("every text is used", async (t) => {
  const folders = ["src/pages", "src/uma"].map((name) => join(ROOT, name));
  const lists = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
  );
  const files = lists.flat().filter((path) => !path.endsWith("texts.ts"));
  const source = (await Promise.all(files.map((path) => readFile(path, "utf8")))).join("\n");
  for (const name of Object.keys(TEXTS)) {
    if (name.startsWith("scope.")) continue;
    // These families are chosen by why: an error by its kind, a login by what went wrong, a reason by what is on record.
    const composed = /^(?:error|login|reason|reason\.fails|condition|fact|obstacle)\.([\w ]+)(?:\.help)?$/.exec(name);
    const word = composed?.[1];
    const used = [name, ...(word === undefined ? [] : [word])].some((one) => source.includes(`"${one}"`));
    t.ok(used, name);
  }
});

t.test("slots are filled once, and with markup only", async (t) => {
  const said = say("en", "consent.asks", { client: html`${"{user} <b>"}`, user: html`<bdi>alice</bdi>` });
  t.equal(`${said}`, "{user} &lt;b&gt; would like access to your account <bdi>alice</bdi>.");
});

t.test("what a scope is called", async (t) => {
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
