import { ADMIN_SCOPES } from "../clients/admin-scopes.js";

/** Where the console is, and which client it is. */

/** The path of administration, at the issuer or at an address of its own. */
export const ADMIN_PATH = "/admin";

/** Where the login comes back to, below the console. */
export const CALLBACK_PATH = "/callback";

export { CONSOLE_CLIENT_ID } from "../clients/admin-scopes.js";

/** The scopes that the console asks for. A person gets those of their roles. */
export const CONSOLE_SCOPE = ["openid", ...ADMIN_SCOPES];

/** The console as browsers reach it. */
export interface ConsolePlace {
  /** The URL of the start page, without the slash at its end. */
  readonly url: string;
  /** The path of this URL, before every link of the console. */
  readonly base: string;
}

/** @param origin the URL below which administration is served: the issuer, or the address of administration */
export function placeOf(origin: string): ConsolePlace {
  const url = origin.replace(/\/$/, "") + ADMIN_PATH;
  return { url, base: new URL(url).pathname };
}
