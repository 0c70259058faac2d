import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import t from "tap";
import { SETTINGS } from "../src/config.js";
import { sentencesOfComments, sentencesOfPage, testNames, tooLong, withAvoidedWord } from "./support/prose.js";
import { ROOT } from "./support/root.js";

t.test("docs/settings.md lists every setting with its meaning", async (t) => {
  const page = await readFile(join(ROOT, "docs/settings.md"), "utf8");
  const environment = page.slice(0, page.indexOf("## The provisioning file"));
  const rows = [...environment.matchAll(/^\| `(\w+)` \| .* \| (.*) \|$/gm)].map(([, name, meaning]) => ({
    name,
    meaning,
  }));
  t.strictSame(
    rows,
    Object.entries(SETTINGS).map(([name, schema]) => ({ name, meaning: schema.description })),
  );
});

t.test(".env.example has every setting, each under the sentence of docs/settings.md", async (t) => {
  const example = await readFile(join(ROOT, ".env.example"), "utf8");
  const entries = example.split("\n\n").flatMap((entry) => {
    const [, name] = /^(?:# )?([A-Z_]+)=/m.exec(entry) ?? [];
    return name === undefined ? [] : [{ name, text: entry.replaceAll("\n# ", " ").toLowerCase() }];
  });
  const own = entries.filter(({ name }) => name !== "POSTGRES_PASSWORD");
  t.strictSame(
    own.map(({ name }) => name),
    Object.keys(SETTINGS),
  );
  for (const { name, text } of own) {
    const sentence = `# ${SETTINGS[name as keyof typeof SETTINGS].description!.toLowerCase()}.`;
    t.ok(text.startsWith(sentence), `${name}: ${sentence}`);
  }
});

t.test("every link between the pages leads somewhere", async (t) => {
  const entries = await readdir(join(ROOT, "docs"), { recursive: true });
  const pages = ["README.md", ...entries.filter((name) => name.endsWith(".md")).map((name) => join("docs", name))];
  for (const page of pages) {
    const text = await readFile(join(ROOT, page), "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      await t.resolves(access(join(ROOT, dirname(page), target!)), `${page} → ${target}`);
    }
  }
});

t.test(
  "docker-compose.yml passes on what .env.example sets, mounts provisioning files, and has the command line",
  async (t) => {
    const compose = await readFile(join(ROOT, "docker-compose.yml"), "utf8");
    const example = await readFile(join(ROOT, ".env.example"), "utf8");
    const settings = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name!);
    t.ok(settings.includes("PROVISION_FILE"));
    for (const name of settings) t.match(compose, `\${${name}:`, name);
    t.match(compose, "- ./provisioning:/provisioning:ro\n", "where docs/operations.md and .env.example say");
    t.match(compose, "ln -s /jeton/dist/cli.js /usr/local/bin/jeton\n");
  },
);

t.test("docs/standards.md names files and tests that exist", async (t) => {
  const page = await readFile(join(ROOT, "docs/standards.md"), "utf8");
  const paths = [...page.matchAll(/`((?:src|test)\/[^`]+)`/g)].map(([, path]) => path!);
  t.ok(paths.length > 20);
  for (const path of new Set(paths)) await t.resolves(access(join(ROOT, path)), path);
});

t.test("docs/clients-tried.md names the npm clients with the versions of package.json", async (t) => {
  const page = await readFile(join(ROOT, "docs/clients-tried.md"), "utf8");
  const table = page.slice(page.indexOf("## In the tests"), page.indexOf("## By hand"));
  const rows = [...table.matchAll(/^\| `([^`]+)` \| ([^ ]+) \|/gm)].map(
    ([, name, version]) => [name!, version!] as const,
  );
  t.ok(rows.length > 3);
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as Manifest;
  const installed = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of rows) t.equal(version, installed[name], name);
});

t.test("docs/attacks.md has each id that a test names, and no other", async (t) => {
  const files = (await readdir(join(ROOT, "test"), { recursive: true })).filter((name) => name.endsWith(".ts"));
  const paths = ["docs/standards.md", ...files.map((name) => join("test", name))];
  const texts = await Promise.all(paths.map((path) => readFile(join(ROOT, path), "utf8")));
  const named = texts.flatMap((text) => text.match(/\b[A-Z]{2}-\d\d\b/g) ?? []);
  const page = await readFile(join(ROOT, "docs/attacks.md"), "utf8");
  const listed = [...page.matchAll(/^\| `([A-Z]{2}-\d\d)` \| \S/gm)].map(([, id]) => id!);
  t.strictSame(listed.toSorted(), [...new Set(named)].toSorted());
});

t.test("the walk of one refresh request in docs/tour.md passes no more than twelve files", async (t) => {
  const page = await readFile(join(ROOT, "docs/tour.md"), "utf8");
  const walk = page.slice(page.indexOf("\n1. "), page.indexOf("\nStep 10"));
  const files = [...walk.matchAll(/^\d+\. \[`(src\/[^`]+)`\]/gm)].map(([, file]) => file!);
  t.equal(new Set(files).size, files.length);
  t.ok(files.length > 5 && files.length <= 12);
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** The files below a folder with an ending, each with its text. */
async function textsOf(folder: string, ending: string): Promise<readonly (readonly [name: string, text: string])[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true });
  const names = entries.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
  const own = names.filter((name) => !name.startsWith(join("src", "store", "generated")));
  return Promise.all(own.map(async (name) => [name, await readFile(join(ROOT, name), "utf8")] as const));
}

/** The first table of docs/contributing.md with words that are avoided, and its words. */
async function avoidedWords(): Promise<{ readonly table: string; readonly words: readonly string[] }> {
  const contributing = await readFile(join(ROOT, "docs/contributing.md"), "utf8");
  const table = contributing.slice(contributing.indexOf("| Word |"), contributing.indexOf("Avoid these too:"));
  return { table, words: [...table.matchAll(/^\| ([a-z]+) \|/gm)].map(([, word]) => word!) };
}

t.test("no page has an avoided word of docs/contributing.md, or a sentence that is too long", async (t) => {
  const { table, words } = await avoidedWords();
  t.ok(words.length > 5);
  const readme = ["README.md", await readFile(join(ROOT, "README.md"), "utf8")] as const;
  for (const [page, text] of [readme, ...(await textsOf("docs", ".md"))]) {
    const prose = text.replace(table, "").replace(/^```.*?^```/gms, "");
    t.strictSame(withAvoidedWord(prose.split("\n"), words), [], page);
    t.strictSame(tooLong(sentencesOfPage(text)), [], page);
  }
});

t.test(
  "no comment and no test name has an avoided word, and no comment of src a sentence that is too long",
  async (t) => {
    const { words } = await avoidedWords();
    for (const [file, text] of [...(await textsOf("src", ".ts")), ...(await textsOf("test", ".ts"))]) {
      const sentences = sentencesOfComments(text);
      t.strictSame(withAvoidedWord([...sentences, ...testNames(text)], words), [], file);
      if (file.startsWith("src")) t.strictSame(tooLong(sentences), [], file);
    }
  },
);

t.test("a faulty sentence is found, and code and tables are none", async (t) => {
  const long = `It has ${"one ".repeat(24)}`;
  const comments = `/**\n * Short. ${long}\n * word.\n */\n// ${long}\nconst spelt = 1; // ${long}\n`;
  t.strictSame(tooLong(sentencesOfComments(comments)), [`${long.trim()} word.`, long.trim()]);
  t.strictSame(withAvoidedWord(sentencesOfComments(comments), ["spelt", "has"]).length, 2);
  t.strictSame(sentencesOfComments("/** The user `spelt`. @returns it\n * @throws never */"), [
    "The user `spelt`.",
    "@returns it",
    "@throws never",
  ]);
  t.strictSame(withAvoidedWord(["The user `nobody`.", "Nobody, here."], ["nobody"]), ["Nobody, here."]);
  t.strictSame(testNames('t.test("a", run);\n  await t.test(\n    `${nobody} and b`,\n'), ["a", "… and b"]);
  const page = `# Title\n\n**Bold.** One\ntwo: three.\n- An item\n\n| ${long} |\n\n\`\`\`sh\n${long}\n\`\`\`\n`;
  t.strictSame(sentencesOfPage(page), ["# Title", "**Bold.**", "One two:", "three.", "- An item"]);
});
