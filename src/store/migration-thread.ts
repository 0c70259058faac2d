import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import { SessionClient } from "./connection.js";
import type { Migrated, ToMigrate } from "./migrate.js";
import { openSchemaEngine } from "./schema-engine.js";

/** The thread of store/migrate.ts. */

const { url, folder, migrations } = workerData as ToMigrate;

// Connections without the limits of requests, because building an index may take longer.
const pool = new pg.Pool({ Client: SessionClient, connectionString: url, max: 2, connectionTimeoutMillis: 5_000 });
pool.on("error", () => {});
const engine = await openSchemaEngine(pool);
const migrated = await engine
  .applyMigrations({
    migrationsList: {
      baseDir: folder,
      lockfile: { path: "migration_lock.toml", content: 'provider = "postgresql"\n' },
      shadowDbInitScript: "",
      migrationDirectories: migrations.map(({ name, sql }) => ({
        path: name,
        migrationFile: { path: "migration.sql", content: { tag: "ok", value: sql } },
      })),
    },
    filters: { externalTables: [], externalEnums: [] },
  })
  .then(
    ({ appliedMigrationNames }): Migrated => ({ applied: appliedMigrationNames }),
    (error: Error): Migrated => ({ failed: error.message }),
  );
await pool.end();
parentPort!.postMessage(migrated);
