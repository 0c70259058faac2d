/**
 * Which URIs may be registered, wherever that is: people are sent there, or click on them. A list of what is allowed, because
 * nobody knows every scheme that some browser executes or opens on the machine it runs on.
 */

/** The scheme of RFC 3986 section 3.1. */
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

/** http and https name a host: parsers of the WHATWG kind would make one of whatever comes after `https:`. */
const WEB = /^https?:\/\/[^/?#]/i;

/**
 * A reversed domain name, so with a dot and a top-level domain before it (RFC 8252 section 7.1). Schemes of operating systems
 * have neither: `ms-settings`, or no such domain: `x-apple.systempreferences`.
 */
const PRIVATE_USE = /^([a-z]{2,63}|xn--[a-z0-9-]+)(\.[a-z0-9+-]+)+$/i;

/** Browsers drop control characters and outer spaces before they look for the scheme; nobody sees invisible ones. */
const UNSEEN = /[\s\\\p{Cc}\p{Cf}]/u;

/** Why a URI cannot be registered; undefined if it can. */
export function registeredUriProblem(uri: string): string | undefined {
  if (UNSEEN.test(uri)) return "must not have a space, a backslash or an invisible character";
  const [, scheme] = SCHEME.exec(uri) ?? [];
  if (scheme === undefined || !URL.canParse(uri)) return "must be an absolute URI";
  if (isWeb(uri) || PRIVATE_USE.test(scheme)) return undefined;
  return /^https?$/i.test(scheme)
    ? "must name a host"
    : "must be https, http or a private-use scheme with a dot (RFC 8252 section 7.1)";
}

/** Why a URI is none that this server or a browser can fetch: the same, without the schemes of apps. */
export function webUriProblem(uri: string): string | undefined {
  return registeredUriProblem(uri) ?? (isWeb(uri) ? undefined : "must be an https or http URI");
}

/** Whether a text is an origin of web pages, as browsers write it: scheme, host and port only. */
export function isWebOrigin(text: string): boolean {
  return webUriProblem(text) === undefined && new URL(text).origin === text;
}

/** Whether a URI is of plain http. */
export function isPlainHttp(uri: string): boolean {
  return /^http:/i.test(uri);
}

function isWeb(uri: string): boolean {
  return WEB.test(uri);
}
