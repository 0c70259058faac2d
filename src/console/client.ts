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

/** Makes the client unless it is there. @returns whether it is the server's own: an operator may have taken its name */
export async function makeConsoleClient(core: Core, { url }: ConsolePlace): Promise<boolean> {
  const redirect_uri = url + CALLBACK_PATH;
  for (;;) {
    const found = await findClient(core.db, CONSOLE_CLIENT_ID);
    if (found !== null) {
      if (!isOurs(core, found)) return false;
      if (!isRegistered(redirect_uri, found.redirect_uris))
        await addRedirectUri(core.db, CONSOLE_CLIENT_ID, redirect_uri);
      return true;
    }
    // Another instance may make it at the same time. It is read again then.
    await create(core, redirect_uri).catch((error: unknown) => {
      if (!isConflict(error)) throw error;
    });
  }
}

function create({ db, master }: Core, redirect_uri: string): Promise<void> {
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
  return exclusively(db, LOCKS.provision, async (tx) => {
    if ((await findClient(tx, CONSOLE_CLIENT_ID)) === null) await write(tx);
  });
}

function isOurs({ master, clock }: Core, client: ClientRow): boolean {
  return findSecret(master, client, secretOfConsole({ master }), clock.now()) !== undefined;
}
