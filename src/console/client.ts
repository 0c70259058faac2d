import { findSecret } from "../clients/secrets.js";
import { isRegistered } from "../clients/redirect-uri.js";
import type { Core } from "../core.js";
import { readClientEntry } from "../provisioning/entries.js";
import { prepareClientToSave } from "../provisioning/write.js";
import { addRedirectUri, findClient, type ClientRow } from "../store/clients.js";
import { isConflict } from "../store/failure.js";
import { exclusively, LOCKS } from "../store/open.js";
import { CALLBACK_PATH, CONSOLE_CLIENT_ID, CONSOLE_SCOPE, type ConsolePlace } from "./place.js";

/** The client that the console is. Each instance that serves the console makes it, or adds its own address to it. */

/**
 * The secret of the client. Every instance derives it, and the store has its hash. The port of a loopback
 * address is free to choose, so another program could receive a code (RFC 8252 section 8.6). It cannot redeem it.
 */
export function secretOfConsole({ master }: Pick<Core, "master">): string {
  return master.lasting("console").toString("base64url");
}

/**
 * Makes the client unless it is there.
 * @returns whether it is the server's own: an operator may have taken its name for a client, or a user theirs
 */
export async function makeConsoleClient(core: Core, { url }: ConsolePlace): Promise<boolean> {
  const redirect_uri = url + CALLBACK_PATH;
  const found = (await findClient(core.db, CONSOLE_CLIENT_ID)) ?? (await create(core, redirect_uri));
  if (found === null || !isOurs(core, found)) return false;
  if (!isRegistered(redirect_uri, found.redirect_uris)) await addRedirectUri(core.db, CONSOLE_CLIENT_ID, redirect_uri);
  return true;
}

/** @returns the client, also where another instance makes it at this moment; null if a user has its name */
async function create({ db, master }: Core, redirect_uri: string): Promise<ClientRow | null> {
  const metadata = {
    client_name: "Jeton Console",
    token_endpoint_auth_method: "client_secret_basic" as const,
    grant_types: ["authorization_code" as const],
    redirect_uris: [redirect_uri],
    scope: CONSOLE_SCOPE,
    consent: "implicit" as const,
    // The token is the content of a cookie, and nothing but this server reads it.
    access_token_format: "opaque" as const,
    access_token_lifetime: 60 * 60,
    dialects: ["oauth2" as const],
  };
  const entry = readClientEntry(CONSOLE_CLIENT_ID, metadata, secretOfConsole({ master }));
  const write = prepareClientToSave(master, entry);
  await exclusively(db, LOCKS.provision, async (tx) => {
    if ((await findClient(tx, CONSOLE_CLIENT_ID)) === null) await write(tx);
  }).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
  return findClient(db, CONSOLE_CLIENT_ID);
}

function isOurs({ master, clock }: Core, client: ClientRow): boolean {
  return findSecret(master, client, secretOfConsole({ master }), clock.now()) !== undefined;
}
