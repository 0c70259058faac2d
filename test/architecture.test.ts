import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import t from "tap";
import { ROOT } from "./support/root.js";

const SRC = join(ROOT, "src");

/** What each room may import, besides its own files. Imports point down; a new arrow is argued for here. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  "clock.ts": [],
  "config.ts": ["errors", "outbound", "dialects"],
  store: ["errors"],
  http: ["errors", "store"],
  keys: ["errors", "store", "clock.ts"],
  outbound: ["errors", "keys", "clock.ts"],
  accounts: ["errors", "store", "keys", "outbound", "clock.ts"],
  clients: ["errors", "store", "keys", "outbound", "accounts", "clock.ts"],
  tokens: ["errors", "store", "keys", "clients", "clock.ts"],
  // What is decided about resources: over what the store and the tokens say, under no protocol.
  uma: ["store", "clients", "tokens"],
  "core.ts": ["store", "keys", "outbound", "accounts", "clients", "tokens", "clock.ts"],
  grants: ["errors", "store", "http", "accounts", "clients", "tokens", "uma", "core.ts", "clock.ts"],
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
    "core.ts",
    "clock.ts",
  ],
  dialects: ["errors", "http", "keys", "clients", "tokens", "grants", "endpoints"],
  pages: ["errors", "http", "accounts", "clients", "uma", "endpoints"],
  provisioning: ["errors", "store", "http", "keys", "accounts", "clients", "tokens", "dialects", "clock.ts"],
  "deployment.ts": ["errors", "store", "keys", "clock.ts", "config.ts"],
  admin: ["errors", "store", "accounts", "clients", "tokens", "uma", "provisioning", "core.ts", "deployment.ts"],
  "app.ts": ["http", "grants", "endpoints", "dialects", "pages", "core.ts"],
  "server.ts": [
    "errors",
    "store",
    "http",
    "accounts",
    "endpoints",
    "dialects",
    "provisioning",
    "app.ts",
    "core.ts",
    "deployment.ts",
    "clock.ts",
    "config.ts",
  ],
  "main.ts": ["errors", "store", "http", "server.ts", "deployment.ts", "config.ts"],
  "command-line.ts": ["errors", "store", "admin", "core.ts", "deployment.ts", "clock.ts", "config.ts"],
  "cli.ts": ["errors", "command-line.ts"],
};

/** Packages that one room alone may import. */
const KEPT_APART: Readonly<Record<string, readonly string[]>> = {
  "@prisma/": ["store"],
  pg: ["store"],
  argon2: ["accounts"],
  "libphonenumber-js/": ["dialects"],
  pino: ["http"],
  "node:https": ["http", "outbound"],
  "node:dns": ["outbound"],
};

/** Spelt so that a search for them in the repository finds none. */
const LOOSE_ENDS = /\bT[O]DO\b|\bFIX[M]E\b|\bX[X]X\b|\bHA[C]K\b|@ts-(ignore|expect)|\bas an[y]\b/;

async function sources(): Promise<readonly { file: string; room: string; text: string }[]> {
  const entries = await readdir(SRC, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(SRC, join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith(join("store", "generated")));
  return Promise.all(
    files.map(async (file) => ({ file, room: file.split("/")[0]!, text: await readFile(join(SRC, file), "utf8") })),
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

t.test("config.ts alone reads the environment", async (t) => {
  for (const { file, text } of await sources()) {
    if (file !== "config.ts" && !file.startsWith("store/embedded/")) t.notMatch(text, /process\.env/, file);
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
