import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import * as bindings from "@prisma/schema-engine-wasm/schema_engine_bg";
import type pg from "pg";

// Node has this member, but the types for Node 20 lack it.
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

let started: Promise<void> | undefined;

/**
 * Prisma's own schema engine, which applies migrations and keeps `_prisma_migrations` exactly as `prisma migrate deploy`
 * does, without the native binary that Prisma would download. Its package imports the WebAssembly file as a module,
 * which Node does only behind a flag, so the module is instantiated here.
 */
export async function openSchemaEngine(pool: pg.Pool): Promise<bindings.SchemaEngine> {
  started ??= start();
  await started;
  const factory = bindMigrationAwareSqlAdapterFactory(new WholeScripts(pool));
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => {}, factory);
}

/**
 * Prisma's adapter splits a script at every semicolon and runs the pieces one by one. Here a migration is sent whole: functions
 * contain semicolons, and PostgreSQL then runs the script in one transaction.
 */
class WholeScripts extends PrismaPg {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    super(pool);
    this.#pool = pool;
  }

  override async connect() {
    const connection = await super.connect();
    connection.executeScript = async (script) => void (await this.#pool.query(script));
    return connection;
  }
}

async function start(): Promise<void> {
  const glue = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
  const code = await readFile(join(dirname(glue), "schema_engine_bg.wasm"));
  const { instance } = await WebAssembly.instantiate(code, { "./schema_engine_bg.js": bindings });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
}
