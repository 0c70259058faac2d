import { sealImportedHash } from "../accounts/passwords.js";
import type { MasterKey } from "../keys/master-key.js";
import type { NewSecret } from "../store/clients.js";
import { secretStorage, type RegisteredMethods } from "./methods.js";
import { hashSecret } from "./secrets.js";

/** A secret in the form in which the store keeps it for the client's methods. */
export function storedSecret(
  master: MasterKey,
  client: RegisteredMethods & { readonly client_id: string },
  secret: string,
  expires_at: Date | null = null,
): NewSecret {
  return secretStorage(client) === "sealed"
    ? { sealed: master.seal("client-secret", Buffer.from(secret, "utf8")), hash: null, expires_at }
    : { hash: hashSecret(master, client.client_id, secret), sealed: null, expires_at };
}

/** A secret's hash from another system, in the form in which the store keeps it. */
export function storedSecretHash(master: MasterKey, hash: string): NewSecret {
  return { imported: sealImportedHash(master, hash), hash: null, sealed: null, expires_at: null };
}
