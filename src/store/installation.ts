import type { Installation } from "./generated/client.js";
import { run, type Db } from "./open.js";

/** The master key that the database was written under, and the keys that outlast it. */
type KeyRecord = Pick<Installation, "master_key_fingerprint" | "master_key_since" | "lasting_keys">;

const CLAIM = {
  name: "installation_claim",
  text: "INSERT INTO installation (id, master_key_fingerprint) VALUES (1, $1) ON CONFLICT DO NOTHING",
};
const KEY_RECORD = {
  name: "installation_key_record",
  text: "SELECT master_key_fingerprint, master_key_since, lasting_keys FROM installation",
};

/**
 * Binds the database to one master key. The first caller writes its fingerprint. A caller with another key notices it here,
 * before data is decrypted wrongly or hashed under a wrong key.
 * @returns the record of the master key
 */
export async function claimInstallation(db: Db, fingerprint: string): Promise<KeyRecord> {
  const before = await findKeyRecord(db);
  if (before !== undefined) return before;
  await run(db, CLAIM, [fingerprint]);
  return (await findKeyRecord(db))!;
}

/** Whether a master key has claimed this database. */
export async function isClaimed(db: Db): Promise<boolean> {
  return (await findKeyRecord(db)) !== undefined;
}

const EMPTY = {
  name: "installation_empty",
  text: "SELECT NOT EXISTS (SELECT FROM clients) AND NOT EXISTS (SELECT FROM users) AS empty",
};

/** Whether the database has no client and no user: only then may a demo set be made. */
export async function isEmpty(db: Db): Promise<boolean> {
  const [row] = await run<{ empty: boolean }>(db, EMPTY, []);
  return row!.empty;
}

/** The record of the master key; undefined if no key has claimed the database. */
export async function findKeyRecord(db: Db): Promise<KeyRecord | undefined> {
  const [record] = await run<KeyRecord>(db, KEY_RECORD, []);
  return record;
}
