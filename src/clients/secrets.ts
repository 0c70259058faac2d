import type { MasterKey } from "../keys/master-key.js";
import { isPasswordOf, openImportedHash, type Passwords } from "../accounts/passwords.js";
import { findClient, replaceImportedSecret, replaceSecretHash, type ClientRow } from "../store/clients.js";
import type { Db } from "../store/open.js";
import type { RegisteredClient } from "./registered-client.js";

/**
 * The hash of a secret. It covers the client_id, so that equal secrets of two clients have different hashes. The
 * identifier of the master key comes first.
 */
export function hashSecret(master: MasterKey, client_id: string, secret: string): Buffer<ArrayBuffer> {
  return Buffer.concat([master.keyId, master.mac("client-secret", `${client_id}\n${secret}`)]);
}

/** The length of a hash from before master keys could change: it has no key identifier. */
const UNMARKED = 32;

function isHashOf(master: MasterKey, text: string, hash: Uint8Array): boolean {
  return hash.length === UNMARKED
    ? master.checkLastingMac("client-secret", text, hash)
    : master.checkMac("client-secret", text, hash.subarray(-UNMARKED));
}

/** Whether a secret is the sealed one of a client that also signs with it. */
function isSealed(master: MasterKey, secret: string, sealed: Uint8Array | null): boolean {
  const kept = sealed === null ? undefined : master.open("client-secret", sealed);
  return (
    kept !== undefined && master.checkMac("client-secret", secret, master.mac("client-secret", kept.toString("utf8")))
  );
}

/** The unexpired secrets of a client in clear, for methods that need them. @param now milliseconds since the epoch */
export function openSecrets(master: MasterKey, client: RegisteredClient, now: number): readonly Buffer[] {
  return liveSecrets(client, now).flatMap(({ sealed }) => {
    const secret = sealed === null ? undefined : master.open("client-secret", sealed);
    return secret ?? [];
  });
}

/** The unexpired secret of a client that matches; undefined if none does. @param now milliseconds since the epoch */
export function findSecret(
  master: MasterKey,
  client: Pick<ClientRow, "client_id" | "secrets">,
  secret: string,
  now: number,
): ClientRow["secrets"][number] | undefined {
  const text = `${client.client_id}\n${secret}`;
  return liveSecrets(client, now).find(({ hash, sealed }) =>
    hash === null ? isSealed(master, secret, sealed) : isHashOf(master, text, hash),
  );
}

/** Replaces a hash made under an earlier master key, unless the secret has changed in between. */
export async function renewSecret(
  { db, master }: Pick<ImportedSecretParts, "db" | "master">,
  client_id: string,
  { id, hash }: Pick<ClientRow["secrets"][number], "id" | "hash">,
  secret: string,
): Promise<void> {
  if (hash === null || (hash.length > UNMARKED && master.keyId.equals(hash.subarray(0, -UNMARKED)))) return;
  await replaceSecretHash(db, { id, hash }, hashSecret(master, client_id, secret));
}

/** The parts of the core that the check of an imported secret needs. */
interface ImportedSecretParts {
  readonly db: Db;
  readonly master: MasterKey;
  readonly passwords: Passwords;
}

/**
 * The same for imported hashes. Such a check costs as much as a login, so it waits in the queue of logins. A matching
 * secret gets a hash of ours.
 * @throws Refusal hashing_busy
 */
export async function checkImportedSecret(
  { db, master, passwords }: ImportedSecretParts,
  client: RegisteredClient,
  secret: string,
  now: number,
): Promise<boolean> {
  const { client_id } = client;
  if (liveSecrets(client, now).every(({ imported }) => imported === null)) return false;
  return passwords.runQueued(`client\n${client_id}`, async () => {
    // While this check waited for its slot, another may have replaced the hash, or an operator the secret.
    const current = await findClient(db, client_id);
    if (current === null) return false;
    if (findSecret(master, current, secret, now) !== undefined) return true;
    for (const one of liveSecrets(current, now)) {
      if (one.imported === null || !(await isPasswordOf(openImportedHash(master, one.imported), secret))) continue;
      await replaceImportedSecret(db, one, hashSecret(master, client_id, secret));
      return true;
    }
    return false;
  });
}

function liveSecrets({ secrets }: Pick<ClientRow, "secrets">, now: number): ClientRow["secrets"] {
  return secrets.filter(({ expires_at }) => expires_at === null || expires_at.getTime() > now);
}
