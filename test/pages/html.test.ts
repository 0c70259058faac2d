import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { escape, html, isLink, isolated } from "../../src/pages/html.js";
import { ROOT } from "../support/root.js";

t.test("text is escaped", async (t) => {
  t.equal(escape(`"><img onerror>`), "&quot;&gt;&lt;img onerror&gt;");
  t.equal(escape("</style>"), "&lt;/style&gt;");
  t.equal(escape("it's & co"), "it&#39;s &amp; co");
  t.equal(escape("{{7*7}} ${1} `x`"), "{{7*7}} ${1} `x`", "there is no template engine to wake");
  t.equal(escape("a\r\nb"), "a&#13;&#10;b");
  t.equal(escape("&lt;"), "&amp;lt;", "what looks escaped is text as well");
});

t.test("values are escaped once, and markup is kept", async (t) => {
  const name = `"><script>`;
  t.equal(
    `${html`<p title="${name}">${name}</p>`}`,
    `<p title="&quot;&gt;&lt;script&gt;">&quot;&gt;&lt;script&gt;</p>`,
  );
  t.equal(`${html`<p>${html`<b>${"<"}</b>`}</p>`}`, "<p><b>&lt;</b></p>", "markup is not escaped twice");
  t.equal(`${html`<p>${undefined}</p>`}`, "<p></p>");
  t.equal(`${html`${[html`<i>`, html`<b>`]}`}`, "<i>\n<b>");
  const forged = { toString: () => "<script>", markup: "<script>" } as unknown as string;
  t.throws(() => html`${forged}`, "what is neither text nor markup does not get in");
});

t.test("foreign names are isolated, cleaned and cut", async (t) => {
  const CASES: readonly (readonly [string, string])[] = [
    ["Photo Shop", "Photo Shop"],
    ["\u202egnp.exe", "gnp.exe"],
    ["a\u2066b\u2069c\u200fd\u200ee\u061cf", "abcdef"],
    ["a\u0000b\u001bc\u0085d", "a b c d"],
    ["two\r\nlines\u2028three", "two lines three"],
    ["so\u00adft\ufeff", "soft"],
    ["می\u200cخواهم 👩\u200d💻", "می\u200cخواهم 👩\u200d💻"],
    ["אליס", "אליס"],
    ["\ud800x", "\ufffdx"],
    ["\u202e\u200b", "client-1"],
    ["", "client-1"],
    ["W".repeat(10_000), `${"W".repeat(80)}…`],
  ];
  for (const [at, [name, shown]] of CASES.entries()) {
    // The cases are numbered, because some names would break a test report.
    t.equal(`${isolated(name, { otherwise: "client-1" })}`, `<bdi>${shown}</bdi>`, `name ${at}`);
  }
});

t.test("a link leads only to http(s) or a path of ours", async (t) => {
  for (const address of ["/", "/oauth2/authorize?a=b&c=d#e", "https://id.example/x", "http://localhost:3000/"]) {
    t.ok(isLink(address), address);
  }
  const refused = [
    "",
    "x",
    "//evil",
    "/\\evil",
    "/\tevil",
    "/\n/evil",
    "\\evil",
    "javascript:alert(1)",
    "data:text/html,x",
    " /x",
    "/x y",
  ];
  for (const address of refused) t.notOk(isLink(address), JSON.stringify(address));
});

t.test("every attribute is quoted, and no attribute is a handler or a style", async (t) => {
  const folder = join(ROOT, "src/pages");
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".ts"));
  for (const name of files) {
    const text = await readFile(join(folder, name), "utf8");
    t.notMatch(text, /<[a-z][^<>`]*=\$\{/, name);
    t.notMatch(text, /<[a-z][^<>]*\s(?:on[a-z]+|style)=/, name);
  }
});
