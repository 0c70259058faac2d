import { newId, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";

/**
 * A browser gets a cookie when a user logs in with it: a random name, with a MAC that binds it to the user (OWASP's
 * device cookies). The cookie is no credential. Attempts made with it are counted for the browser and not for the
 * account. So a stranger who locks the account does not lock its owner out of that browser.
 */

/** Seconds such a cookie lasts. */
export const KNOWN_BROWSER_LIFETIME = 365 * 24 * 60 * 60;

/** The keys of these cookies. */
interface KnownBrowserParts {
  readonly master: MasterKey;
  /** Changes with each restore of the database, so that no earlier cookie is valid (docs/decisions/0012). */
  readonly era: number;
}

/** The cookie for a browser in which this user has just logged in. */
export function knownBrowserCookie(parts: KnownBrowserParts, random: Random, sub: string): string {
  const name = newId(random);
  const mac = parts.master.mac("known-browser", bound(parts, name, sub));
  return `${name}.${mac.toString("base64url")}`;
}

/** The name of the browser, if this user has logged in with it before. */
export function knownBrowser(parts: KnownBrowserParts, cookie: string | undefined, sub: string): string | undefined {
  const [name = "", mac = "", ...rest] = (cookie ?? "").split(".");
  return rest.length === 0 && parts.master.checkMacText("known-browser", bound(parts, name, sub), mac)
    ? name
    : undefined;
}

function bound({ era }: KnownBrowserParts, name: string, sub: string): string {
  return era === 0 ? `${name}\n${sub}` : `${era}\n${name}\n${sub}`;
}
