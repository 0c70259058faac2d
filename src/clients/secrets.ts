import type { MasterKey } from "../keys/master-key.js";
import type { NewSecret } from "../store/clients.js";
import type { Client } from "./registry.js";

/** The methods whose check needs the secret itself: an HMAC is made with it (OpenID Connect Core section 9). */
const NEEDS_CLEAR_SECRET = new Set(["client_secret_jwt"]);

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

/** Bound to the client, so that equal secrets of two clients do not look equal. */
function hashSecret(master: MasterKey, client_id: string, secret: string): Buffer<ArrayBuffer> {
  return master.mac("client-secret", `${client_id}\n${secret}`);
}

/** The secrets the client may use at this time (milliseconds since the epoch), where its method needs them in clear. */
export function openSecrets(master: MasterKey, client: Client, now: number): readonly Buffer[] {
  return liveSecrets(client, now).flatMap(({ sealed }) => {
    const secret = sealed === null ? undefined : master.open("client-secret", sealed);
    return secret ?? [];
  });
}

/** Whether the secret is one of those the client may use at this time (milliseconds since the epoch). */
export function checkSecret(master: MasterKey, client: Client, secret: string, now: number): boolean {
  const text = `${client.client_id}\n${secret}`;
  return liveSecrets(client, now)
    .map(({ hash }) => hash !== null && master.checkMac("client-secret", text, hash))
    .some(Boolean);
}

function liveSecrets({ secrets }: Client, now: number): Client["secrets"] {
  return secrets.filter(({ expires_at }) => expires_at === null || expires_at.getTime() > now);
}
