import type { SigningKey } from "./generated/client.js";
import type { Db, Tx } from "./open.js";

export type SigningKeyRow = SigningKey;

/** Every key of the ring, the newest first. */
export async function allKeys(db: Db | { prisma: Tx }): Promise<readonly SigningKeyRow[]> {
  return db.prisma.signingKey.findMany({ orderBy: [{ published_at: "desc" }, { kid: "asc" }] });
}

/** Adds a key; one without `active_from` is the next one of its algorithm. */
export async function addKey(tx: Tx, key: Omit<SigningKeyRow, "public_jwk"> & { public_jwk: object }): Promise<void> {
  await tx.signingKey.create({ data: key });
}

/** Makes the next key of an algorithm sign from `activeFrom` on. */
export async function activateKey(tx: Tx, kid: string, activeFrom: Date): Promise<void> {
  await tx.signingKey.update({ where: { kid }, data: { active_from: activeFrom } });
}

/** Keeps a superseded key published until the last token it signed has expired. */
export async function retireKey(tx: Tx, kid: string, retainUntil: Date): Promise<void> {
  await tx.signingKey.update({ where: { kid }, data: { retain_until: retainUntil } });
}

/** The longest lifetime of a signed token of any client, in seconds. */
export async function longestSignedLifetime(tx: Tx): Promise<number> {
  const longest = await tx.client.findFirst({
    where: { access_token_format: "jwt" },
    orderBy: { access_token_lifetime: "desc" },
    select: { access_token_lifetime: true },
  });
  return longest?.access_token_lifetime ?? 0;
}
