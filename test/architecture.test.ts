import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import t from "tap";
import { findCycle, packageFaults, readModule, targetOf, unusedExports, type Manifest } from "./support/modules.js";
import { clockFaults } from "./support/one-clock.js";
import { ROOT } from "./support/root.js";

/** What each room may import, besides its own files. Imports point down; a new arrow is argued for here. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  "clock.ts": [],
  "expected-wait.ts": [],
  "version.ts": [],
  // Where work that traces show is published.
  "spans.ts": [],
  // JSON that can be read in one way: in bodies, and in the tokens of clients.
  "strict-json.ts": ["store"],
  "config.ts": ["errors", "store", "http", "clients", "dialects", "setting-values.ts"],
  // What the settings may say.
  "setting-values.ts": ["dialects", "outbound"],
  "rsa.ts": [],
  "durable-file.ts": ["errors", "clock.ts"],
  store: ["errors", "expected-wait.ts", "spans.ts"],
  // The embedded PostgreSQL: processes, files and a lock.
  embedded: ["errors", "store", "durable-file.ts", "clock.ts"],
  http: ["errors", "store", "expected-wait.ts", "clock.ts", "strict-json.ts", "rsa.ts"],
  // CoAP: messages, requests, blocks. It knows no resource.
  coap: ["errors", "store", "clock.ts"],
  // DTLS for the datagrams of CoAP: it knows the border, and no message of it.
  dtls: ["errors", "durable-file.ts", "http", "coap", "clock.ts"],
  keys: ["errors", "store", "durable-file.ts", "clock.ts", "rsa.ts"],
  outbound: ["errors", "keys", "clock.ts", "spans.ts"],
  // The audit log: a Merkle tree over what the store records.
  audit: ["errors", "store", "keys", "outbound", "clock.ts", "durable-file.ts"],
  accounts: ["errors", "store", "keys", "outbound", "clock.ts", "expected-wait.ts", "spans.ts"],
  clients: ["errors", "store", "keys", "outbound", "accounts", "clock.ts", "strict-json.ts"],
  tokens: ["errors", "store", "keys", "clients", "clock.ts"],
  // What is decided about resources: over what the store and the tokens say, under no protocol.
  uma: ["store", "clients", "tokens"],
  "core.ts": ["store", "http", "keys", "audit", "outbound", "accounts", "clients", "tokens", "clock.ts"],
  // The counters of the server, and its state, for monitoring.
  metrics: ["store", "http", "core.ts", "clock.ts", "version.ts"],
  // The only room that loads OpenTelemetry.
  tracing: ["errors", "http", "spans.ts", "version.ts"],
  // Work over many rows, a batch at a time.
  jobs: ["store", "clock.ts"],
  // Clients are told of logouts by calls of this server.
  logout: ["store", "outbound", "tokens", "core.ts"],
  grants: ["errors", "store", "http", "accounts", "clients", "tokens", "uma", "core.ts", "clock.ts"],
  browser: [
    "errors",
    "store",
    "http",
    "accounts",
    "clients",
    "tokens",
    "uma",
    "grants",
    "core.ts",
    "clock.ts",
    "strict-json.ts",
  ],
  endpoints: [
    "errors",
    "store",
    "http",
    "keys",
    "accounts",
    "clients",
    "tokens",
    "uma",
    "grants",
    "browser",
    "core.ts",
    "clock.ts",
    "strict-json.ts",
    "rsa.ts",
  ],
  // What was decided, and why: kept, explained, and decided again.
  decisions: [
    "errors",
    "store",
    "http",
    "clients",
    "tokens",
    "uma",
    "grants",
    "browser",
    "endpoints",
    "provisioning",
    "core.ts",
    "clock.ts",
  ],
  dialects: ["errors", "http", "coap", "core.ts", "keys", "clients", "tokens", "grants", "browser", "endpoints"],
  pages: ["errors", "http", "accounts", "clients", "uma", "browser"],
  provisioning: [
    "errors",
    "store",
    "http",
    "keys",
    "accounts",
    "clients",
    "tokens",
    "grants",
    "dialects",
    "clock.ts",
    "strict-json.ts",
    "rsa.ts",
  ],
  // What is written into the store before the first request.
  "provision.ts": ["errors", "store", "browser", "provisioning", "core.ts", "config.ts"],
  "deployment.ts": ["errors", "store", "embedded", "keys", "clock.ts", "config.ts"],
  admin: [
    "errors",
    "durable-file.ts",
    "store",
    "http",
    "keys",
    "audit",
    "accounts",
    "clients",
    "tokens",
    "uma",
    "grants",
    "decisions",
    "provisioning",
    "jobs",
    "core.ts",
    "deployment.ts",
    "clock.ts",
  ],
  // The Admin API: commands over HTTP.
  "admin-api": [
    "errors",
    "store",
    "http",
    "clients",
    "tokens",
    "endpoints",
    "dialects",
    "admin",
    "core.ts",
    "version.ts",
  ],
  // The pages of administrators. Everything that they read or change goes through the commands.
  console: [
    "errors",
    "store",
    "http",
    "accounts",
    "clients",
    "tokens",
    "grants",
    "browser",
    "pages",
    "metrics",
    "provisioning",
    "admin",
    "admin-api",
    "core.ts",
    "clock.ts",
  ],
  "app.ts": ["http", "grants", "browser", "endpoints", "dialects", "pages", "core.ts", "expected-wait.ts"],
  // What connects CoAP with its sockets, and with the operations that are served.
  "coap-server.ts": ["http", "coap", "dtls", "clients", "dialects", "core.ts", "clock.ts", "config.ts"],
  // What administrators use beside the command line.
  "administration.ts": [
    "errors",
    "http",
    "dialects",
    "endpoints",
    "admin-api",
    "console",
    "metrics",
    "clock.ts",
    "core.ts",
    "config.ts",
  ],
  // What the log says of the sweep.
  "sweep-log.ts": ["store", "metrics"],
  "server.ts": [
    "sweep-log.ts",
    "errors",
    "store",
    "http",
    "metrics",
    "tracing",
    "administration.ts",
    "decisions",
    "audit",
    "coap",
    "coap-server.ts",
    "accounts",
    "logout",
    "jobs",
    "browser",
    "dialects",
    "provision.ts",
    "app.ts",
    "core.ts",
    "deployment.ts",
    "clock.ts",
    "config.ts",
    "expected-wait.ts",
  ],
  "in-one-line.ts": ["errors", "store"],
  // Several processes that serve on one port: the primary, and what runs in each worker.
  workers: [
    "errors",
    "store",
    "http",
    "metrics",
    "core.ts",
    "provision.ts",
    "in-one-line.ts",
    "server.ts",
    "deployment.ts",
    "clock.ts",
    "config.ts",
  ],
  "serve.ts": [
    "errors",
    "embedded",
    "http",
    "in-one-line.ts",
    "server.ts",
    "workers",
    "deployment.ts",
    "config.ts",
    "version.ts",
  ],
  "main.ts": ["serve.ts"],
  "command-line.ts": [
    "errors",
    "in-one-line.ts",
    "store",
    "admin",
    "core.ts",
    "deployment.ts",
    "clock.ts",
    "config.ts",
    "version.ts",
  ],
  "cli.ts": ["errors", "command-line.ts"],
};

/** Packages that one room alone may import. */
const KEPT_APART: Readonly<Record<string, readonly string[]>> = {
  "@prisma/": ["store"],
  pg: ["store"],
  argon2: ["accounts"],
  bcrypt: ["accounts"],
  "libphonenumber-js/": ["accounts"],
  unhomoglyph: ["accounts"],
  pino: ["http"],
  cborg: ["coap"],
  "node:dgram": ["coap", "dtls"],
  "node:https": ["http", "outbound"],
  "node:dns": ["outbound"],
  "@opentelemetry/": ["tracing"],
  "@fastify/otel": ["tracing"],
};

/** Written so that a search for them in the repository finds none. */
const LOOSE_ENDS = /\bT[O]DO\b|\bFIX[M]E\b|\bX[X]X\b|\bHA[C]K\b|@ts-(ignore|expect)|\bas an[y]\b/;

/** Exports that only tests import, because the product reaches them in their own file only. Anything else is no reason. */
const FOR_TESTS: Readonly<Record<string, string>> = {
  "clients/registration.ts: METADATA_MEMBERS": "a refusal can name each member of a registration",
  "console/texts.ts: CONSOLE_TEXTS": "every text of the console has every language",
  "config.ts: SETTINGS": "docs/settings.md and .env.example list every setting",
  "errors/catalogue.ts: CATALOGUE": "docs/errors.md lists every row",
  "pages/policy.ts: onlyTargets": "a policy has no source that a browser would read as more than one address",
  "store/deletion.ts: DELETIONS": "a deletion reaches every table that refers to its row",
  "store/listen.ts: listenBy": "the change feed is tested with a connection that fails on demand",
  "tracing/clean-exporter.ts: ATTRIBUTES": "test/tracing/traces.test.ts holds every span to it",
};

/** The generated files of the Prisma client that import nothing but types of the others, and are large. */
const LARGE_GENERATED = /^store\/generated\/(models|internal\/prismaNamespace)/;

interface Source {
  readonly file: string;
  readonly room: string;
  readonly text: string;
}

/** The text of every source below a folder; `file` is relative to it. */
async function readSources(folder: string, name = /\.ts$/): Promise<readonly Source[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return Promise.all(
    files.map(async (file) => ({ file, room: file.split("/")[0]!, text: await readFile(join(folder, file), "utf8") })),
  );
}

const all = (await readSources(join(ROOT, "src"))).filter(({ file }) => !LARGE_GENERATED.test(file));
const tests = await readSources(join(ROOT, "test"));
const testModules = tests.map(({ file, text }) => readModule(join("test", file), text));
const parsed = all.map((source) => ({ ...source, ...readModule(source.file, source.text) }));
/** Without the generated Prisma client. */
const sources = parsed.filter(({ file }) => !file.startsWith("store/generated/"));

t.test("imports point one way", async (t) => {
  for (const { file, room, imports } of sources) {
    const allowed = ARROWS[room];
    if (allowed === undefined) {
      t.fail(`${room} has no row in the table of rooms`);
      continue;
    }
    for (const one of imports) {
      const target = targetOf(file, one)?.split("/")[0];
      if (target !== undefined && target !== room && !allowed.includes(target)) t.fail(`${file} imports ${one.from}`);
    }
  }
  t.pass("no arrow beyond those listed");
});

t.test("the files of a program import one another in no circle, not even for types", async (t) => {
  const modules = sources.map((one) => ({ ...one, file: join("src", one.file) }));
  t.strictSame(findCycle([...modules, ...testModules]), undefined);

  t.test("a cycle is found", async (t) => {
    const cycle = [
      readModule("a.ts", 'import { b } from "./room/b.js";'),
      readModule("room/b.ts", 'export * from "./c.js"; export const b = 1;'),
      readModule("room/c.ts", 'export type C = import("./d.js").D;'),
      readModule("room/d.ts", 'import type { A } from "../a.js"; export interface D extends A {}'),
    ];
    t.strictSame(findCycle(cycle), ["a.ts", "room/b.ts", "room/c.ts", "room/d.ts", "a.ts"]);
    t.equal(findCycle(cycle.slice(1)), undefined);
    const augmenting = readModule("room/d.ts", 'declare module "./b.js" { interface Table { row: 1 } }');
    t.strictSame(findCycle([...cycle.slice(0, 3), augmenting]), ["room/b.ts", "room/c.ts", "room/d.ts", "room/b.ts"]);
    const loading = readModule("room/d.ts", 'const { a } = await import("../a.js");');
    t.ok(findCycle([...cycle.slice(0, 3), loading]));
  });
});

t.test("another file of the product imports each export, or a test that has a reason", async (t) => {
  const unused = unusedExports(sources);
  t.strictSame([...unused].sort(), Object.keys(FOR_TESTS).sort());
  const modules = sources.map((one) => ({ ...one, file: join("src", one.file) }));
  const stillUnused = unusedExports([...modules, ...testModules]);
  for (const name of unused) t.notOk(stillUnused.includes(join("src", name)), `a test imports ${name}`);

  t.test("an unused export is found, in each form that an export has", async (t) => {
    const forms: Readonly<Record<string, readonly string[]>> = {
      "export const a = 1, { b, c: [d] } = x;": ["a", "b", "d"],
      "export function a() {}": ["a"],
      "export async function* a() {}": ["a"],
      "export abstract class A {}": ["A"],
      "export interface A {}": ["A"],
      "export type A = 1;": ["A"],
      "export enum A {}": ["A"],
      "const a = 1, b = 2; export { a, b as c };": ["a", "c"],
      'export { a as b } from "./x.js";': ["b"],
      'export * as a from "./x.js";': ["a"],
      'export * from "./x.js";': ["*"],
      "export default 1;": ["default"],
      "export default function a() {}": ["default"],
    };
    for (const [text, names] of Object.entries(forms)) {
      const found = unusedExports([readModule("a.ts", text)]);
      t.strictSame(
        found,
        names.map((name) => `a.ts: ${name}`),
        text,
      );
    }
  });

  t.test("an import of any form uses the export, and an import of another name does not", async (t) => {
    const exporting = readModule("a.ts", "export const one = 1; export type Two = 2;");
    const unusedBeside = (text: string) => unusedExports([exporting, readModule("room/b.ts", text)]);
    t.strictSame(unusedBeside('import { one, type Two } from "../a.js";'), []);
    t.strictSame(unusedBeside('import { one as other } from "../a.js";'), ["a.ts: Two"]);
    t.strictSame(unusedBeside('import { other as one } from "../a.js";'), ["a.ts: one", "a.ts: Two"]);
    t.strictSame(unusedBeside('import { one, Two } from "./a.js";'), ["a.ts: one", "a.ts: Two"]);
    t.strictSame(unusedBeside('import * as a from "../a.js";'), []);
    t.strictSame(unusedBeside('const { one: other } = await import("../a.js");'), ["a.ts: Two"]);
    t.strictSame(unusedBeside('let x: import("../a.js").Two;'), ["a.ts: one"]);
    const augmenting = (type: string) => `declare module "../a.js" { interface Table { row: ${type} } }`;
    t.strictSame(unusedBeside(augmenting("{ b: Two[] }")), ["a.ts: one"]);
    t.strictSame(unusedBeside(augmenting("1")), ["a.ts: one", "a.ts: Two"]);
    t.strictSame(unusedBeside('export { one } from "../a.js";'), ["a.ts: Two", "room/b.ts: one"]);
  });
});

t.test("a package that is used is declared, and a package that is declared is used", async (t) => {
  const manifest = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as Manifest;
  const folders = [join(ROOT, "docs"), join(ROOT, "prisma"), join(ROOT, ".ci")];
  const scripts = (await Promise.all(folders.map((folder) => readSources(folder, /\.(mjs|ts)$/)))).flat();
  const tools = [...testModules, ...scripts.map(({ file, text }) => readModule(file, text))];
  t.strictSame(packageFaults(manifest, parsed, tools), []);

  t.test("each fault is found", async (t) => {
    const given = {
      dependencies: { pg: "8.0.0", "@scope/one": "1.0.0" },
      optionalDependencies: { optional: "1.0.0" },
      devDependencies: { "@types/pg": "8.0.0", "@types/node": "20.0.0", types: "1.0.0", tap: "1.0.0", tool: "1.0.0" },
      scripts: { test: "tool --check" },
    };
    const product = `
      import pg from "pg"; import { x } from "@scope/one/sub"; import type { T } from "types"; import "node:fs";
      createRequire(import.meta.url).resolve("optional");`;
    const faultsOf = (manifest: object, text = product, test = 'import t from "tap";') =>
      packageFaults({ ...given, ...manifest }, [readModule("a.ts", text)], [readModule("a.test.ts", test)]);
    t.strictSame(faultsOf({}), []);
    t.strictSame(faultsOf({}, `${product} import "other";`), ["other is used, but not declared"]);
    t.strictSame(faultsOf({}, `${product} import { type a, b } from "types";`), ["types is used, but not declared"]);
    t.strictSame(faultsOf({}, product, 'import t from "tap"; import "other/sub";'), [
      "other is used, but not declared",
    ]);
    t.strictSame(faultsOf({}, product, ""), ["tap is declared, but not used"]);
    t.strictSame(faultsOf({ scripts: {} }), ["tool is declared, but not used"]);
    t.strictSame(faultsOf({ optionalDependencies: {} }), ["optional is used, but not declared"]);
    t.strictSame(faultsOf({}, product.replace("@scope/one/sub", "pg")), [
      "@scope/one is a dependency, but the product does not use it",
    ]);
  });
});

t.test(
  "the store alone speaks to Prisma and Postgres, the accounts alone hash passwords, outbound alone calls out",
  async (t) => {
    for (const { file, room, text, imports } of sources) {
      for (const { from } of imports) {
        for (const [name, rooms] of Object.entries(KEPT_APART)) {
          const matches = name.endsWith("/") ? from.startsWith(name) : from === name;
          if (matches && !rooms.includes(room)) t.fail(`${file} imports ${from}`);
        }
      }
      t.notOk(/(?<![.#\w])fetch\(/.test(text), `${file} leaves the calling to outbound`);
    }
    t.pass("each at home");
  },
);

t.test("every connection to a database is opened with the session of store/connection.ts", async (t) => {
  for (const { file, text } of sources) {
    t.notOk(text.includes("new pg.Client("), file);
    for (const [pool] of text.matchAll(/new pg\.Pool\([^;]*?\)/g)) t.match(pool, /Client: SessionClient/, file);
  }
});

/** The descriptors that a file offers to the registry of operations, as source text. */
function offersOf(text: string): readonly string[] {
  return [...text.matchAll(/operations\.offer\(("\w+", \{.*?\brun\b.*?)\}\);\n/gs)].map(([, offer]) => offer!);
}

t.test(
  "an operation uses the core it is given, which stops for a caller that left; only revocation goes on",
  async (t) => {
    const offering = sources.filter(({ room, text }) => room === "endpoints" && text.includes(".offer("));
    const offers = offering.flatMap(({ file, text }) => offersOf(text).map((offer) => ({ file, offer })));
    t.ok(offers.length > 20);
    for (const { file, offer } of offers) {
      t.equal(offer.includes("outlivesCaller: true"), file === "endpoints/revoke.ts", `${file}: ${offer}`);
    }
    for (const { file, text } of offering) t.notOk(/\bapp\.core\b/.test(text), file);
  },
);

t.test("every operation of the protection API has the guard that asks for a PAT", async (t) => {
  const offers = sources.filter(({ file }) => file.startsWith("endpoints/uma/")).flatMap(({ text }) => offersOf(text));
  t.equal(offers.length, 15);
  for (const offer of offers) t.match(offer, /\bguard: pat\b/);
});

t.test("config.ts alone reads the environment", async (t) => {
  for (const { file, text } of sources) {
    if (file !== "config.ts") t.notOk(text.includes("process.env"), file);
  }
});

t.test("no drawer, no loose end", async (t) => {
  for (const { file, text } of sources) {
    t.notMatch(file, /(^|\/)(utils?|helpers?|common|lib|misc|shared)(\/|\.ts$)/);
    t.notOk(LOOSE_ENDS.test(text), file);
    const limit = 250;
    t.ok(text.split("\n").length <= limit || file === "errors/catalogue.ts", `${file} can be held in mind`);
  }
});

t.test("a test has one clock", async (t) => {
  for (const { file, text } of tests) t.strictSame(clockFaults(text), [], file);

  t.test("a second clock is found", async (t) => {
    const TEST_CLOCK = 'import { TestClock } from "../support/clock.js";';
    const faulty: Readonly<Record<string, string>> = {
      "the machine's time": "const now = Date.now();",
      "handed on": "const soon = new Clock(Date.now);",
      "as a date": "sign(new Date());",
      "as a text": "t.equal(Date(), x);",
      "a verification at the machine's time": "await jwtVerify(token, keys, { issuer });",
      "one without options": "await jose.jwtVerify(token, keys);",
      "an issue at the machine's time": "new SignJWT(claims).setIssuedAt();",
      "an expiry counted from it": 'new SignJWT(claims).setExpirationTime("5m");',
      "a certificate that ends some day": `const PEM = "-----BEGIN ${"CERTIFICATE"}-----MIIB";`,
      "a date that a server is told": 'await startInstance(t, {}); const end = "2099-01-01T00:00:00Z";',
      "an instance with the machine's clock": `${TEST_CLOCK} await startInstance(t, { provision });`,
      "an instance without options": `${TEST_CLOCK} await startInstance(t);`,
      "a command with the machine's clock": `${TEST_CLOCK} await runCommandLine(words, stdin, env);`,
      "the machine's clock": `${TEST_CLOCK} const now = systemClock.now();`,
      "the database's": `${TEST_CLOCK} await sql(url, "UPDATE grants SET ended_at = now()");`,
      "the database's in a template": `${TEST_CLOCK} await sql(url, \`UPDATE \${table} SET x = CURRENT_TIMESTAMP\`);`,
      "a client library's": `${TEST_CLOCK} import * as oauth from "oauth4webapi";`,
      "a process's": `${TEST_CLOCK} import { jeton } from "../support/process.js";`,
      "a browser's": `${TEST_CLOCK} import { openWindow } from "../support/chromium.js";`,
    };
    for (const [name, text] of Object.entries(faulty)) t.equal(clockFaults(text).length, 1, name);
  });

  t.test("a single clock is accepted", async (t) => {
    const sound: readonly string[] = [
      "const now = systemClock.now(); const then = new Date(now); const waited = performance.now();",
      "// Date.now() and new Date() in a comment\nconst said = 'Date.now()';",
      "await jwtVerify(token, keys, { issuer, currentDate: new Date(server.core.clock.now()) });",
      "new SignJWT(claims).setIssuedAt(now).setExpirationTime(now + 60);",
      'const page = render({ since: new Date("2026-03-01T10:00:00Z") });',
      'import { TestClock } from "../support/clock.js"; await startInstance(t, { provision, clock });',
      'import { TestClock } from "../support/clock.js"; await startInstance(t, { ...options, clock: new TestClock() });',
      'import { TestClock } from "../support/clock.js"; await runCommandLine(words, stdin, env, clock);',
      'import { after } from "../support/clock.js"; const expired = after(systemClock, -1); await startInstance(t);',
    ];
    for (const text of sound) t.strictSame(clockFaults(text), [], text);
  });
});
