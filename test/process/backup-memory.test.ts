import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { freshDatabase, sql } from "../support/database.js";
import { FLEET } from "../support/fleet.js";
import { jeton } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";

t.test("a backup and its restore need no more memory for more rows", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "jeton-large-"));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, "large.backup");
  const source = await freshDatabase(t, FLEET);
  await sql(
    source,
    `INSERT INTO revoked_tokens (jti, expires_at)
     SELECT lpad(n::text, 1000, '0'), '2100-01-01 00:00:00.123Z' FROM generate_series(1, 47000) n`,
  );
  // As texts they are 47 MB, most of what the process may have.
  const env = { MASTER_KEY, NODE_OPTIONS: "--max-old-space-size=60" };
  const made = await jeton({ ...env, DATABASE_URL: source }, ["backup", file, "--json"]);
  t.equal(made.code, 0, made.stderr);
  t.ok(JSON.parse(made.stdout).bytes > 45_000_000);
  const target = await freshDatabase(t);
  const restored = await jeton({ ...env, DATABASE_URL: target }, ["restore", file, "--json"]);
  t.equal(restored.code, 0, restored.stderr);
  t.equal(JSON.parse(restored.stdout).rows.revoked_tokens, 47_000);
  const digest = "SELECT md5(string_agg(r::text, ',' ORDER BY jti)) AS digest FROM revoked_tokens r";
  t.strictSame(await sql(target, digest), await sql(source, digest));
});
