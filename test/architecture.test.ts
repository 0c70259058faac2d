import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import t from "tap";
import { clockFaults } from "./support/one-clock.js";
import { ROOT } from "./support/root.js";

const SRC = join(ROOT, "src");
const TESTS = join(ROOT, "test");

/** What each room may import, besides its own files. Imports point down; a new arrow is argued for here. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  "clock.ts": [],
  "expected-wait.ts": [],
  "version.ts": [],
  // JSON that can be read in one way: in bodies, and in the tokens of clients.
  "strict-json.ts": ["store"],
  "config.ts": ["errors", "store", "outbound", "dialects"],
  "rsa.ts": [],
  "durable-file.ts": ["errors", "clock.ts"],
  store: ["errors", "expected-wait.ts"],
  // The embedded PostgreSQL: processes, files and a lock.
  embedded: ["errors", "store", "durable-file.ts", "clock.ts"],
  http: ["errors", "store", "expected-wait.ts", "clock.ts", "strict-json.ts", "rsa.ts"],
  keys: ["errors", "store", "durable-file.ts", "clock.ts", "rsa.ts"],
  outbound: ["errors", "keys", "clock.ts"],
  accounts: ["errors", "store", "keys", "outbound", "clock.ts", "expected-wait.ts"],
  clients: ["errors", "store", "keys", "outbound", "accounts", "clock.ts", "strict-json.ts"],
  tokens: ["errors", "store", "keys", "clients", "clock.ts"],
  // What is decided about resources: over what the store and the tokens say, under no protocol.
  uma: ["store", "clients", "tokens"],
  "core.ts": ["store", "keys", "outbound", "accounts", "clients", "tokens", "clock.ts"],
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
  dialects: ["errors", "http", "keys", "clients", "tokens", "grants", "browser", "endpoints"],
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
  "deployment.ts": ["errors", "store", "embedded", "keys", "clock.ts", "config.ts"],
  admin: [
    "errors",
    "durable-file.ts",
    "store",
    "accounts",
    "clients",
    "tokens",
    "uma",
    "provisioning",
    "core.ts",
    "deployment.ts",
  ],
  "app.ts": ["http", "grants", "browser", "endpoints", "dialects", "pages", "core.ts", "expected-wait.ts"],
  "server.ts": [
    "errors",
    "store",
    "http",
    "accounts",
    "browser",
    "dialects",
    "provisioning",
    "app.ts",
    "core.ts",
    "deployment.ts",
    "clock.ts",
    "config.ts",
    "expected-wait.ts",
  ],
  "in-one-line.ts": ["errors", "store"],
  "serve.ts": ["errors", "embedded", "http", "in-one-line.ts", "server.ts", "deployment.ts", "config.ts", "version.ts"],
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
  "node:https": ["http", "outbound"],
  "node:dns": ["outbound"],
};

/** Spelt so that a search for them in the repository finds none. */
const LOOSE_ENDS = /\bT[O]DO\b|\bFIX[M]E\b|\bX[X]X\b|\bHA[C]K\b|@ts-(ignore|expect)|\bas an[y]\b/;

interface Source {
  readonly file: string;
  readonly room: string;
  readonly text: string;
}

async function sources(folder = SRC): Promise<readonly Source[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(join("store", "generated")));
  return Promise.all(
    files.map(async (file) => ({ file, room: file.split("/")[0]!, text: await readFile(join(folder, file), "utf8") })),
  );
}

function importsOf(text: string): readonly string[] {
  return [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map(([, path]) => path!);
}

t.test("imports point one way", async (t) => {
  for (const { file, room, text } of await sources()) {
    const allowed = ARROWS[room];
    if (allowed === undefined) {
      t.fail(`${room} is a room nobody has placed`);
      continue;
    }
    for (const path of importsOf(text).filter((one) => one.startsWith("."))) {
      const target = join(file, "..", path).replace(/\.js$/, ".ts").split("/")[0]!;
      if (target !== room && !allowed.includes(target)) t.fail(`${file} imports ${path}`);
    }
  }
  t.pass("no arrow beyond those listed");
});

t.test(
  "the store alone speaks to Prisma and Postgres, the accounts alone hash passwords, outbound alone calls out",
  async (t) => {
    for (const { file, room, text } of await sources()) {
      for (const path of importsOf(text)) {
        for (const [name, rooms] of Object.entries(KEPT_APART)) {
          const matches = name.endsWith("/") ? path.startsWith(name) : path === name;
          if (matches && !rooms.includes(room)) t.fail(`${file} imports ${path}`);
        }
      }
      t.notMatch(text, /(?<![.#\w])fetch\(/, `${file} leaves the calling to outbound`);
    }
    t.pass("each at home");
  },
);

t.test("every connection to a database is opened with the session of store/connection.ts", async (t) => {
  for (const { file, text } of await sources()) {
    t.notMatch(text, /new pg\.Client\(/, file);
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
    const offering = (await sources()).filter(({ room, text }) => room === "endpoints" && text.includes(".offer("));
    const offers = offering.flatMap(({ file, text }) => offersOf(text).map((offer) => ({ file, offer })));
    t.ok(offers.length > 20);
    for (const { file, offer } of offers) {
      t.equal(offer.includes("outlivesCaller: true"), file === "endpoints/revoke.ts", `${file}: ${offer}`);
    }
    for (const { file, text } of offering) t.notMatch(text, /\bapp\.core\b/, file);
  },
);

t.test("every operation of the protection API has the guard that asks for a PAT", async (t) => {
  const offers = (await sources())
    .filter(({ file }) => file.startsWith("endpoints/uma/"))
    .flatMap(({ text }) => offersOf(text));
  t.equal(offers.length, 15);
  for (const offer of offers) t.match(offer, /\bguard: pat\b/);
});

t.test("config.ts alone reads the environment", async (t) => {
  for (const { file, text } of await sources()) {
    if (file !== "config.ts") t.notMatch(text, /process\.env/, file);
  }
});

t.test("no drawer, no loose end", async (t) => {
  for (const { file, text } of await sources()) {
    t.notMatch(file, /(^|\/)(utils?|helpers?|common|lib|misc|shared)(\/|\.ts$)/);
    t.notMatch(text, LOOSE_ENDS, file);
    const limit = 250;
    t.ok(text.split("\n").length <= limit || file === "errors/catalogue.ts", `${file} can be held in mind`);
  }
});

t.test("a test has one clock", async (t) => {
  for (const { file, text } of await sources(TESTS)) t.strictSame(clockFaults(text), [], file);

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
