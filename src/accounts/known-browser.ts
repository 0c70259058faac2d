import { newId, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";

/**
 * A browser in which a person logged in before has a cookie that says so, a random name with a MAC that binds it to the
 * person (OWASP's device cookies). It lets nobody in: tries made with it are counted on it instead of on the account, so
 * that a stranger who has the account locked does not lock its owner out of a browser of their own.
 */

/** Seconds such a cookie lasts. */
export const KNOWN_BROWSER_LIFETIME = 365 * 24 * 60 * 60;

/** What such a cookie is made with, and read with again. */
export interface KnownBrowserParts {
  readonly master: MasterKey;
  /** After each restore of the database another one, so that no earlier browser is known (docs/decisions/0012). */
  readonly era: number;
}

/** A cookie for a browser in which this person has logged in. */
export function knownBrowserCookie(parts: KnownBrowserParts, random: Random, sub: string): string {
  const name = newId(random);
  const mac = parts.master.mac("known-browser", bound(parts, name, sub));
  return `${name}.${mac.toString("base64url")}`;
}

/** The name of the browser, if this person logged in with it before. */
export function knownBrowser(parts: KnownBrowserParts, cookie: string | undefined, sub: string): string | undefined {
  const [name = "", mac = "", ...rest] = (cookie ?? "").split(".");
  return rest.length === 0 && parts.master.checkMacText("known-browser", bound(parts, name, sub), mac)
    ? name
    : undefined;
}

function bound({ era }: KnownBrowserParts, name: string, sub: string): string {
  return era === 0 ? `${name}\n${sub}` : `${era}\n${name}\n${sub}`;
}
