import { hash, randomBytes, randomUUID } from "node:crypto";
import pg from "pg";

/** The floor's database: each operation is one named prepared statement, at most. */
export const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

await pool.query(`
  CREATE TABLE codes (
    hash text PRIMARY KEY, challenge text NOT NULL, scope text NOT NULL, expires_at timestamptz NOT NULL
  );
  CREATE TABLE grants (
    id text PRIMARY KEY, hash text NOT NULL, scope text NOT NULL, expires_at timestamptz NOT NULL, ended_at timestamptz
  ) WITH (fillfactor = 70);
  CREATE TABLE opaque_tokens (hash text PRIMARY KEY, grant_id text NOT NULL, expires_at timestamptz NOT NULL)`);

const STATEMENTS = {
  "make code": "INSERT INTO codes VALUES ($1, $2, $3, now() + interval '10 minutes')",
  "use code": `WITH used AS (DELETE FROM codes WHERE hash = $1 AND challenge = $2 AND expires_at > now() RETURNING scope)
     INSERT INTO grants SELECT $3, $4, scope, now() + interval '14 days' FROM used RETURNING scope`,
  "make opaque token": "INSERT INTO opaque_tokens VALUES ($1, $2, now() + interval '1 hour')",
  refresh: `UPDATE grants SET hash = $3, expires_at = now() + interval '14 days'
     WHERE id = $1 AND hash = $2 AND ended_at IS NULL AND expires_at > now() RETURNING scope`,
  revoke: "UPDATE grants SET ended_at = now() WHERE id = $1 AND hash = $2 AND ended_at IS NULL RETURNING id",
  "look at grant": "SELECT scope FROM grants WHERE id = $1 AND ended_at IS NULL",
  "look at opaque token": `SELECT g.scope FROM opaque_tokens t JOIN grants g ON g.id = t.grant_id
     WHERE t.hash = $1 AND t.expires_at > now() AND g.ended_at IS NULL`,
} as const;

/** @returns the scope that the row names, or undefined where no row has what the statement asks for */
async function ask(name: keyof typeof STATEMENTS, values: readonly string[]): Promise<string | undefined> {
  const { rows } = await pool.query<{ scope: string }>({ name, text: STATEMENTS[name], values: [...values] });
  return rows[0]?.scope;
}

/** A grant with the refresh token that is current. */
export interface Grant {
  readonly id: string;
  readonly scope: string;
  readonly refreshToken: string;
}

export async function makeCode(challenge: string, scope: string): Promise<string> {
  const code = secret();
  await ask("make code", [hashOf(code), challenge, scope]);
  return code;
}

/** Uses a code up and opens a grant. */
export async function useCode(code: string, verifier: string): Promise<Grant | undefined> {
  const [id, part] = [randomUUID(), secret()];
  const scope = await ask("use code", [hashOf(code), hashOf(verifier), id, hashOf(part)]);
  return scope === undefined ? undefined : { id, scope, refreshToken: `${id}.${part}` };
}

/** Exchanges a refresh token for the next one. */
export async function rotate(token: string): Promise<Grant | undefined> {
  const [id = "", current = ""] = token.split(".");
  const next = secret();
  const scope = await ask("refresh", [id, hashOf(current), hashOf(next)]);
  return scope === undefined ? undefined : { id, scope, refreshToken: `${id}.${next}` };
}

export async function revoke(token: string): Promise<void> {
  const [id = "", current = ""] = token.split(".");
  await ask("revoke", [id, hashOf(current)]);
}

export async function makeOpaqueToken(grant: Grant): Promise<string> {
  const token = secret();
  await ask("make opaque token", [hashOf(token), grant.id]);
  return token;
}

export async function scopeOfGrant(id: string): Promise<string | undefined> {
  return ask("look at grant", [id]);
}

export async function scopeOfOpaqueToken(token: string): Promise<string | undefined> {
  return ask("look at opaque token", [hashOf(token)]);
}

function secret(): string {
  return randomBytes(32).toString("base64url");
}

function hashOf(text: string): string {
  return hash("sha256", text, "base64url");
}
