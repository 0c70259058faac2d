import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import type { Test } from "tap";
import { DATA_DIR, TEMPLATE } from "./run.js";

/** A fresh, migrated database on the run's PostgreSQL; it is dropped when the test ends. Its connection string. */
export async function freshDatabase(t: Test): Promise<string> {
  const url = new URL(await readFile(join(DATA_DIR, "url"), "utf8"));
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await administer(url.href, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
  t.teardown(() => administer(url.href, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Runs one statement on a database, as an operator with psql would. */
export async function sql(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
