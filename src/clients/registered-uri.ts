/**
 * The rule for every registered URI: browsers open these URIs. It is a list of allowed schemes, because no list of
 * dangerous ones is complete.
 */

/** The scheme of RFC 3986 section 3.1. */
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

/** http and https URIs need a host. WHATWG parsers would make a host of any text after `https:`. */
const WEB = /^https?:\/\/[^/?#]/i;

/**
 * A reversed domain name, with a top-level domain and a dot (RFC 8252 section 7.1). Schemes of operating systems have
 * no dot (`ms-settings`) or no such domain (`x-apple.systempreferences`).
 */
const PRIVATE_USE = /^([a-z]{2,63}|xn--[a-z0-9-]+)(\.[a-z0-9+-]+)+$/i;

/**
 * Browsers drop control characters and outer spaces before they look for the scheme. Users cannot see invisible
 * characters.
 */
const UNSEEN = /[\s\\\p{Cc}\p{Cf}]/u;

/** The reason why a URI cannot be registered; undefined if it can. */
export function registeredUriProblem(uri: string): string | undefined {
  if (UNSEEN.test(uri)) return "must not have a space, a backslash or an invisible character";
  const [, scheme] = SCHEME.exec(uri) ?? [];
  if (scheme === undefined || !URL.canParse(uri)) return "must be an absolute URI";
  if (isWeb(uri) || PRIVATE_USE.test(scheme)) return undefined;
  return /^https?$/i.test(scheme)
    ? "must name a host"
    : "must be https, http or a private-use scheme with a dot (RFC 8252 section 7.1)";
}

/** The reason why this server or a browser cannot fetch a URI. App schemes are not allowed here. */
export function webUriProblem(uri: string): string | undefined {
  return registeredUriProblem(uri) ?? (isWeb(uri) ? undefined : "must be an https or http URI");
}

/** The origin of an app's own web view, such as `capacitor://localhost`: a scheme and a host. */
const APP_ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/[a-z0-9.-]+(?::\d{1,5})?$/;

/** Schemes whose pages have no origin of this form, or that of another scheme (URL standard, section 4.7). */
const WITHOUT_ORIGIN: readonly unknown[] = [
  "about",
  "blob",
  "chrome",
  "data",
  "file",
  "filesystem",
  "ftp",
  "javascript",
  "ws",
  "wss",
];

/**
 * Whether a text is an origin of web pages, as browsers write it: scheme, host and port only. Such a text is only compared:
 * no browser opens it, so any scheme of an app will do.
 */
export function isWebOrigin(text: string): boolean {
  if (isWeb(text)) return webUriProblem(text) === undefined && new URL(text).origin === text;
  const [, scheme] = APP_ORIGIN.exec(text) ?? [];
  return scheme !== undefined && !/^https?$/.test(scheme) && !WITHOUT_ORIGIN.includes(scheme);
}

/** Whether a URI of a client has the scheme, host and port of one of the client's redirect URIs. */
export function sharesOrigin(uri: string, redirectUris: readonly string[]): boolean {
  const originOf = (one: string) => (isWeb(one) && URL.canParse(one) ? new URL(one).origin : undefined);
  return originOf(uri) !== undefined && redirectUris.some((one) => originOf(one) === originOf(uri));
}

/** Whether a URI is of plain http. */
export function isPlainHttp(uri: string): boolean {
  return /^http:/i.test(uri);
}

function isWeb(uri: string): boolean {
  return WEB.test(uri);
}
