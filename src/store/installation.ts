import type { Installation } from "./generated/client.js";
import type { Db } from "./open.js";

/** The master key that the database was written under, and the keys that outlast it. */
type KeyRecord = Pick<Installation, "master_key_fingerprint" | "master_key_since" | "lasting_keys">;

/**
 * Binds the database to one master key. The first caller writes its fingerprint. A caller with another key notices it here,
 * before data is decrypted wrongly or hashed under a wrong key.
 * @returns the record of the master key
 */
export async function claimInstallation(db: Db, fingerprint: string): Promise<KeyRecord> {
  const mine = { id: 1, master_key_fingerprint: fingerprint };
  await db.prisma.installation.createMany({ data: [mine], skipDuplicates: true });
  return db.prisma.installation.findUniqueOrThrow({ where: { id: 1 } });
}

/** Whether a master key has claimed this database. */
export async function isClaimed(db: Db): Promise<boolean> {
  return (await db.prisma.installation.count()) > 0;
}

/** Whether the database has no client and no user: only then may a demo set be made. */
export async function isEmpty(db: Db): Promise<boolean> {
  const client = await db.prisma.client.findFirst({ select: { client_id: true } });
  return client === null && (await db.prisma.user.findFirst({ select: { sub: true } })) === null;
}

/** The record of the master key; undefined if no key has claimed the database. */
export async function findKeyRecord(db: Db): Promise<KeyRecord | undefined> {
  return (await db.prisma.installation.findUnique({ where: { id: 1 } })) ?? undefined;
}
