import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import type { Test } from "tap";
import { DATA_DIR, TEMPLATE } from "./run.js";
import { provisionedTemplate } from "./template.js";

/**
 * A fresh, migrated database on the run's PostgreSQL; it is dropped when the test ends. Its connection string.
 * @param provision a provisioning file that was applied to it, by an instance that made the signing keys too
 */
export async function freshDatabase(t: Test, provision?: object): Promise<string> {
  const { url, client } = await (cluster ??= openCluster());
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const template = provision === undefined ? TEMPLATE : await provisionedTemplate(url, provision);
  await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  t.teardown(() => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const own = new URL(url);
  own.pathname = `/${name}`;
  return own.href;
}

let cluster: Promise<{ readonly url: string; readonly client: pg.Client }> | undefined;

/** The connection that makes and drops the databases of a test file. Each connection costs PostgreSQL as much as a database. */
async function openCluster() {
  // Jobs use this file without tap, which would end them after 30 s.
  const { default: tap } = await import("tap");
  const url = await readFile(join(DATA_DIR, "url"), "utf8");
  const client = new pg.Client(url);
  await client.connect();
  tap.teardown(() => {
    cluster = undefined;
    return client.end();
  });
  return { url, client };
}

/** Runs statements on a database, as an operator with psql would. Returns the rows of the last one. */
export async function sql(url: string, text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const results = [await (values.length > 0 ? client.query(text, values) : client.query(text))].flat();
    return results.at(-1)!.rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}
