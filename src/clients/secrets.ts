import type { MasterKey } from "../keys/master-key.js";
import { isPasswordOf, openImportedHash, sealImportedHash, type Passwords } from "../accounts/passwords.js";
import {
  findClient,
  replaceImportedSecret,
  replaceSecretHash,
  type ClientRow,
  type NewSecret,
} from "../store/clients.js";
import type { Db } from "../store/open.js";
import type { Client } from "./registry.js";

/** The methods whose check needs the secret itself: an HMAC is made with it (OpenID Connect Core section 9). */
export const NEEDS_CLEAR_SECRET: ReadonlySet<string> = new Set(["client_secret_jwt"]);

/** The methods that work with a secret at all. */
export const METHODS_WITH_SECRET: ReadonlySet<string> = new Set([
  "client_secret_basic",
  "client_secret_post",
  ...NEEDS_CLEAR_SECRET,
]);

/** A secret as the store keeps it: a keyed hash, or sealed where the method cannot do without it. */
export function storedSecret(
  master: MasterKey,
  client: { readonly client_id: string; readonly token_endpoint_auth_method: string },
  secret: string,
  expires_at: Date | null = null,
): NewSecret {
  return NEEDS_CLEAR_SECRET.has(client.token_endpoint_auth_method)
    ? { sealed: master.seal("client-secret", Buffer.from(secret, "utf8")), hash: null, expires_at }
    : { hash: hashSecret(master, client.client_id, secret), sealed: null, expires_at };
}

/** The hash of a secret that another system made, as the store keeps it. */
export function storedSecretHash(master: MasterKey, hash: string): NewSecret {
  return { imported: sealImportedHash(master, hash), hash: null, sealed: null, expires_at: null };
}

/** Bound to the client, so that equal secrets of two clients do not look equal. The master key's mark stands before it. */
function hashSecret(master: MasterKey, client_id: string, secret: string): Buffer<ArrayBuffer> {
  return Buffer.concat([master.keyId, master.mac("client-secret", `${client_id}\n${secret}`)]);
}

/** Bytes of a hash without a mark: from before a master key could change. */
const UNMARKED = 32;

function isHashOf(master: MasterKey, text: string, hash: Uint8Array): boolean {
  return hash.length === UNMARKED
    ? master.checkLastingMac("client-secret", text, hash)
    : master.checkMac("client-secret", text, hash.subarray(-UNMARKED));
}

/** The secrets the client may use at this time (milliseconds since the epoch), where its method needs them in clear. */
export function openSecrets(master: MasterKey, client: Client, now: number): readonly Buffer[] {
  return liveSecrets(client, now).flatMap(({ sealed }) => {
    const secret = sealed === null ? undefined : master.open("client-secret", sealed);
    return secret ?? [];
  });
}

/** Which of those the client may use at this time (milliseconds since the epoch) the secret is; undefined if none. */
export function findSecret(
  master: MasterKey,
  client: Pick<ClientRow, "client_id" | "secrets">,
  secret: string,
  now: number,
): ClientRow["secrets"][number] | undefined {
  const text = `${client.client_id}\n${secret}`;
  return liveSecrets(client, now).find(({ hash }) => hash !== null && isHashOf(master, text, hash));
}

/** Puts a hash under the current master key in the place of one that another made, unless the secret was changed in between. */
export async function renewSecret(
  { db, master }: Pick<ImportedSecretParts, "db" | "master">,
  client_id: string,
  { id, hash }: Pick<ClientRow["secrets"][number], "id" | "hash">,
  secret: string,
): Promise<void> {
  if (hash === null || (hash.length > UNMARKED && master.keyId.equals(hash.subarray(0, -UNMARKED)))) return;
  await replaceSecretHash(db, { id, hash }, hashSecret(master, client_id, secret));
}

/** What an imported secret is checked with. */
interface ImportedSecretParts {
  readonly db: Db;
  readonly master: MasterKey;
  readonly passwords: Passwords;
}

/**
 * The same for secrets whose hash another system made. Such a check costs as much as a login, so it takes a turn in the queue
 * of logins, and a secret that was right gets a hash of ours.
 * @throws Refusal hashing_busy
 */
export async function checkImportedSecret(
  { db, master, passwords }: ImportedSecretParts,
  client: Client,
  secret: string,
  now: number,
): Promise<boolean> {
  const { client_id } = client;
  if (liveSecrets(client, now).every(({ imported }) => imported === null)) return false;
  return passwords.runQueued(`client\n${client_id}`, async () => {
    // While this one waited for its turn, another may have had its secret checked, or an operator replaced it.
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
