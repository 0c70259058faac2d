import type { Installation } from "./generated/client.js";
import type { Db } from "./open.js";

/** Which master key the database was written under, and the keys that stay when it changes. */
type KeyRecord = Pick<Installation, "master_key_fingerprint" | "master_key_since" | "lasting_keys">;

/**
 * Ties the database to one master key. The first caller writes its fingerprint; whoever comes with another key learns
 * it here, before anything is decrypted wrongly or hashed under a key nobody has.
 * @returns what the database knows of its master key
 */
export async function claimInstallation(db: Db, fingerprint: string): Promise<KeyRecord> {
  const mine = { id: 1, master_key_fingerprint: fingerprint };
  await db.prisma.installation.createMany({ data: [mine], skipDuplicates: true });
  return db.prisma.installation.findUniqueOrThrow({ where: { id: 1 } });
}

/** Whether this database was ever claimed by a master key. */
export async function isClaimed(db: Db): Promise<boolean> {
  return (await db.prisma.installation.count()) > 0;
}

/** Whether nobody and nothing is registered yet: only then may a demo set be made. */
export async function isEmpty(db: Db): Promise<boolean> {
  const client = await db.prisma.client.findFirst({ select: { client_id: true } });
  return client === null && (await db.prisma.user.findFirst({ select: { sub: true } })) === null;
}

/** What the database knows of its master key; undefined where no key has claimed it. */
export async function findKeyRecord(db: Db): Promise<KeyRecord | undefined> {
  return (await db.prisma.installation.findUnique({ where: { id: 1 } })) ?? undefined;
}
