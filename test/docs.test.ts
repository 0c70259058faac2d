import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import t from "tap";
import { SETTINGS } from "../src/config.js";
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

t.test("no page has an avoided word of docs/contributing.md", async (t) => {
  const contributing = await readFile(join(ROOT, "docs/contributing.md"), "utf8");
  const table = contributing.slice(contributing.indexOf("| Word |"), contributing.indexOf("Avoid these too:"));
  const words = [...table.matchAll(/^\| ([a-z]+) \|/gm)].map(([, word]) => word!);
  t.ok(words.length > 5);
  const avoided = new RegExp(`\\b(?:${words.join("|")})\\b`, "i");
  const entries = await readdir(join(ROOT, "docs"), { recursive: true });
  const pages = ["README.md", ...entries.filter((name) => name.endsWith(".md")).map((name) => join("docs", name))];
  for (const page of pages) {
    const text = (await readFile(join(ROOT, page), "utf8")).replace(table, "");
    const prose = text.replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "");
    const line = prose.split("\n").find((one) => avoided.test(one));
    t.equal(line, undefined, page);
  }
});
