import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tap, { type Test } from "tap";
import { takeSteps } from "../support/browser-steps.js";
import { openWindow } from "../support/chromium.js";
import { freshDatabase, sql } from "../support/database.js";
import { partsOf, type Block, type Part } from "../support/document.js";
import { freePort } from "../support/ports.js";
import { prepareDataFolder } from "../support/prepared.js";
import { endPostgres } from "../support/process.js";
import { ROOT } from "../support/root.js";
import { pasteForeground, prepareTerminals, Terminal, type Foreground, type Pasted } from "../support/terminal.js";

/**
 * Pastes every block and every browser step of the README and of docs/, unchanged and in order. They go into one folder
 * that is empty at first. Only the ports 3000 and 3001 become free ones.
 */

/** The README comes first, as its reader does. The pages that start another server come after those that use the README's. */
const FIRST = [
  "README.md",
  "docs/resource-servers.md",
  "docs/administration.md",
  "docs/uma.md",
  "docs/migrating.md",
  "docs/clients.md",
  "docs/operations.md",
];

const parent = await mkdtemp(join(tmpdir(), "jeton-docs-"));
const folder = join(parent, "clean");
let server: Foreground | undefined;
tap.teardown(async () => {
  await server?.end();
  for (const name of await readdir(folder)) await endPostgres(join(folder, name));
  process.chdir(ROOT);
  await rm(parent, { recursive: true, force: true, maxRetries: 5 });
});
await mkdir(folder);
// The first start on an empty folder has a test of its own; initdb would cost a second more here.
await prepareDataFolder(join(folder, "data"));
for (const name of ["docs", ".env.example", "node_modules"]) await symlink(join(ROOT, name), join(folder, name));

const ports: Readonly<Record<string, number>> = { 3000: await freePort(), 3001: await freePort() };
const withPorts = (text: string) => text.replace(/\b300[01]\b/g, (port) => `${ports[port]}`);
// Without the demo set: what a page uses it has to make, or the README.
const env = await prepareTerminals(tap, folder, { PORT: `${ports[3000]}`, NODE_ENV: "production" });

/** What one page has led to so far. */
interface Reading {
  readonly page: string;
  readonly terminal: () => Terminal;
  /** A database beside the server's, on which SQL is run. */
  readonly database: () => Promise<string>;
  readonly window: () => ReturnType<typeof openWindow>;
  /** What the last shell block did. */
  last?: Pasted;
}

type Paste = (t: Test, block: Block, reading: Reading) => Promise<void>;

/** Programs that stay in the foreground are read from the last line of a block: the reader gives each a terminal. */
const STAYS = /(?:^|\s)(?:npm start|node docs\/example-web-app\.mjs)$/;

/** How a block is run, by the language it names. */
const LANGUAGES: Readonly<Record<string, Paste>> = {
  sh: pasteShell,
  sql: pasteSql,
  text: compareOutput,
  json: saveFile,
  jsonl: saveFile,
  csv: saveFile,
};

const entries = await readdir(join(ROOT, "docs"), { recursive: true });
const pages = [
  "README.md",
  ...entries
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name))
    .sort(),
];
const rank = (page: string) => (FIRST.indexOf(page) + FIRST.length + 1) % (FIRST.length + 1);
const ordered = pages.sort((one, other) => rank(one) - rank(other));
const read = await Promise.all(ordered.map(async (page) => ({ page, parts: await partsOf(page) })));
for (const { page, parts } of read.filter(({ parts }) => parts.length > 0)) {
  void tap.test(`each block of ${page} works as printed`, async (t) => {
    const reading: Reading = {
      page,
      terminal: once(() => new Terminal(t, folder, env)),
      database: once(() => freshDatabase(t)),
      window: once(() => openWindow(t)),
    };
    for (const part of parts) {
      await follow(t, part, reading);
      // What follows rests on what failed.
      if (!t.passing()) break;
    }
  });
}

async function follow(t: Test, part: Part, reading: Reading): Promise<void> {
  const place = `${reading.page}:${part.line}`;
  if (part.kind === "steps") {
    const { page, complaints } = await reading.window();
    for (const item of part.items) {
      await t.resolves(takeSteps(page, withPorts(item)), `${place}: ${item}`);
      if (!t.passing()) return;
    }
    return void t.strictSame(complaints, [], `${place}: the browser complains about nothing`);
  }
  if (part.reason !== undefined) return t.comment(`${place} is only shown: ${part.reason}`);
  const paste = LANGUAGES[part.language];
  if (paste === undefined)
    return void t.fail(`${place}: a block of "${part.language}" is not run, and does not say why`);
  await paste(t, { ...part, text: withPorts(part.text) }, reading);
}

async function pasteShell(t: Test, block: Block, reading: Reading): Promise<void> {
  const place = `${reading.page}:${block.line}`;
  if (STAYS.test(block.text)) return startForeground(t, block, place);
  const pasted = await reading.terminal().paste(block.text);
  reading.last = pasted;
  const said = `${pasted.stdout}${pasted.stderr}`;
  t.equal(pasted.code, 0, `${place}: every command succeeds`, { said });
  const around = block.before + block.after;
  const words = [...pasted.stdout.matchAll(/"error(?:Code)?"\s*:\s*"([^"]+)"/g)].map(([, word]) => word!);
  const untold = words.filter((word) => !around.includes(`\`${word}\``));
  t.strictSame(untold, [], `${place}: the text beside the block names each refusal`, { said });
  t.notMatch(pasted.stderr, "that are not declared", `${place}: each scope is declared`);
  const refused = pasted.statuses.filter((status) => status >= 400);
  t.ok(refused.length <= words.length, `${place}: no refusal is hidden`, { said, refused });
}

/** A server that is started takes the place of the one before, which the page has to tell its reader to end. */
async function startForeground(t: Test, block: Block, place: string): Promise<void> {
  const program = block.text.endsWith("npm start") ? "server" : "app";
  if (program === "server" && server !== undefined) {
    t.match(block.before, /Ctrl-C/, `${place}: it is said that the server before has to be ended`);
    await server.end();
  }
  const started = await pasteForeground(program === "server" ? tap : t, folder, env, block.text);
  t.pass(`${place} starts`);
  if (program === "server") server = started;
}

/** Runs SQL, and saves its first column as psql -At would print it, where the text before names a file. */
async function pasteSql(t: Test, block: Block, { page, database }: Reading): Promise<void> {
  const rows = await sql(await database(), block.text);
  t.pass(`${page}:${block.line} is carried out`);
  const lines = rows
    .map((row) => Object.values(row)[0])
    .map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  const file = fileNamedIn(block.before);
  if (file !== undefined) await writeFile(join(folder, file), lines.map((line) => `${line}\n`).join(""));
}

async function saveFile(t: Test, block: Block, { page }: Reading): Promise<void> {
  const file = fileNamedIn(block.before);
  t.ok(file, `${page}:${block.line}: the text before says which file this is`);
  if (file !== undefined) await writeFile(join(folder, file), `${block.text}\n`);
}

/** A block of output is held against what the last shell block wrote; `…` stands for anything. */
async function compareOutput(t: Test, block: Block, { page, last }: Reading): Promise<void> {
  const parts = block.text.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  t.match(
    `${last?.stdout}${last?.stderr}`,
    new RegExp(parts.join("[^]*")),
    `${page}:${block.line}: that is the output`,
  );
}

function fileNamedIn(text: string): string | undefined {
  return [...text.matchAll(/`([\w.-]+\.(?:jsonl?|csv))`/g)].at(-1)?.[1];
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
