import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { SessionClient } from "../../src/store/connection.js";
import { ROOT } from "./root.js";
import { DATA_DIR } from "./run.js";

/** Where each process of a run leaves the statements that the store sent in it. */
const OF_PROCESSES = join(DATA_DIR, "statements");

/** Where all of them are put together, with those of earlier runs. */
export const RECORDED = join(ROOT, "build", "statements.json");

/**
 * Records the text of every statement that the store sends, Prisma's too. test/jobs/scale.ts asks a large database how it would
 * run each of them. What tests ask by themselves is not recorded: they use other connections.
 */
export function recordStatements(): void {
  const texts = new Set<string>();
  const original = pg.Client.prototype.query;
  pg.Client.prototype.query = function (this: pg.Client, ...args: any[]) {
    const text: unknown = typeof args[0] === "string" ? args[0] : args[0]?.text;
    if (this instanceof SessionClient && typeof text === "string") texts.add(text);
    return (original as (...given: unknown[]) => unknown).apply(this, args);
  } as typeof original;
  process.once("exit", () => {
    mkdirSync(OF_PROCESSES, { recursive: true });
    writeFileSync(join(OF_PROCESSES, `${process.pid}.json`), JSON.stringify([...texts]));
  });
}

/** Puts together what the processes of this run and earlier runs recorded. */
export async function gatherStatements(): Promise<void> {
  const names = await readdir(OF_PROCESSES).catch(() => []);
  const files = [...names.map((name) => join(OF_PROCESSES, name)), RECORDED];
  const lists = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "[]")));
  const texts = new Set(lists.flatMap((list) => JSON.parse(list) as string[]));
  await writeFile(RECORDED, JSON.stringify([...texts].sort()));
}
