import { run, type Db, type Transaction } from "./open.js";

/** Initial access tokens for the registration of clients (RFC 7591 section 3). Only keyed hashes are stored. */

const FIND = {
  name: "registration_token_find",
  text: `
    SELECT id FROM registration_tokens
    WHERE hash = $1 AND uses_left > 0 AND expires_at > coalesce($2::timestamptz, now())`,
};

/** Whether a token can be used. The registration itself uses it up (client-registrations.ts). */
export async function isUsable(db: Db, hash: Uint8Array, now: Date | null): Promise<boolean> {
  return (await run(db, FIND, [hash, now])).length === 1;
}

interface RegistrationToken {
  readonly id: string;
  readonly uses_left: number;
  readonly created_at: Date;
  readonly expires_at: Date;
}

const ADD = {
  name: "registration_token_add",
  text: `
    INSERT INTO registration_tokens (id, hash, uses_left, created_at, expires_at)
    SELECT $1, $2, $3, t.now, t.now + $4::int * interval '1 second'
    FROM (SELECT coalesce($5::timestamptz, now()) AS now) t RETURNING id, uses_left, created_at, expires_at`,
};

/** Adds a token. @param lifetime seconds */
export async function addToken(
  tx: Transaction,
  { id, hash, uses, lifetime }: { id: string; hash: Uint8Array; uses: number; lifetime: number },
  now: Date | null,
): Promise<RegistrationToken> {
  const [row] = await run<RegistrationToken & Record<string, unknown>>(tx, ADD, [id, hash, uses, lifetime, now]);
  return row!;
}

const LIST = {
  name: "registration_tokens_list",
  text: "SELECT id, uses_left, created_at, expires_at FROM registration_tokens ORDER BY created_at, id",
};

/** Every token that the sweep has not deleted yet. */
export async function listTokens(db: Db): Promise<readonly RegistrationToken[]> {
  return run<RegistrationToken & Record<string, unknown>>(db, LIST, []);
}

const DELETE = {
  name: "registration_token_delete",
  text: "DELETE FROM registration_tokens WHERE id = $1 RETURNING id",
};

/** @returns whether there was one */
export async function deleteToken(tx: Transaction, id: string): Promise<boolean> {
  return (await run(tx, DELETE, [id])).length === 1;
}
