import type { SigningKey } from "./generated/client.js";
import { run, type Db, type Transaction } from "./open.js";

export type SigningKeyRow = SigningKey;

const ALL = { name: "signing_keys_all", text: "SELECT * FROM signing_keys ORDER BY published_at DESC, kid" };

/** Every key of the ring, the newest first. */
export async function allKeys(where: Db | Transaction): Promise<readonly SigningKeyRow[]> {
  return run<SigningKeyRow>(where, ALL, []);
}

const ADD = {
  name: "signing_key_add",
  text: `
    INSERT INTO signing_keys (kid, alg, public_jwk, sealed_private, published_at, active_from, retain_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`,
};

/** Adds a key; one without `active_from` is the next one of its algorithm. */
export async function addKey(
  tx: Transaction,
  key: Omit<SigningKeyRow, "public_jwk"> & { public_jwk: object },
): Promise<void> {
  const { kid, alg, public_jwk, sealed_private, published_at, active_from, retain_until } = key;
  await run(tx, ADD, [kid, alg, public_jwk, sealed_private, published_at, active_from, retain_until]);
}

const ACTIVATE = { name: "signing_key_activate", text: "UPDATE signing_keys SET active_from = $2 WHERE kid = $1" };

/** Makes the next key of an algorithm sign from `activeFrom` on. */
export async function activateKey(tx: Transaction, kid: string, activeFrom: Date): Promise<void> {
  await run(tx, ACTIVATE, [kid, activeFrom]);
}

const RETIRE = { name: "signing_key_retire", text: "UPDATE signing_keys SET retain_until = $2 WHERE kid = $1" };

/** Keeps a superseded key published until the last token it signed has expired. */
export async function retireKey(tx: Transaction, kid: string, retainUntil: Date): Promise<void> {
  await run(tx, RETIRE, [kid, retainUntil]);
}

/** Deletes a key that no valid token can have signed. */
const REMOVE = {
  name: "signing_key_remove",
  text: "DELETE FROM signing_keys WHERE kid = $1 AND retain_until <= coalesce($2::timestamptz, now()) RETURNING kid",
};

/** Deletes a retired key whose time is over. @returns whether it was one */
export async function removeKey(where: Db | Transaction, kid: string, now: Date | null): Promise<boolean> {
  return (await run(where, REMOVE, [kid, now])).length === 1;
}

const LONGEST = {
  name: "signed_lifetime_longest",
  text: "SELECT coalesce(max(access_token_lifetime), 0) AS seconds FROM clients WHERE access_token_format = 'jwt'",
};

/** The longest lifetime of a signed token of any client, in seconds. */
export async function longestSignedLifetime(where: Db | Transaction): Promise<number> {
  const [longest] = await run<{ seconds: number }>(where, LONGEST, []);
  return longest!.seconds;
}
