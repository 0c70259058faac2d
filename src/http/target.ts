import { isPlainWord } from "../errors/slots.js";

/** The request-target (RFC 9112 section 3.2) in canonical form. */

/** Scheme and authority of the absolute-form (section 3.2.2). */
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;

/** Needless percent-encodings, which RFC 3986 section 6.2.2.2 calls equivalent to the plain character. */
const NEEDLESS = /%(?:2[dD]|2[eE]|3\d|[46][1-9a-fA-F]|[57][0-9aA]|5[fF]|7[eE])/g;

/**
 * The origin-form of a target, without needless percent-encoding in its path. All later comparisons of paths use it. A
 * target without an origin-form is returned unchanged, for the application to refuse.
 */
export function canonicalTarget(target: string): string {
  if (target.startsWith("/") && !target.includes("%")) return target;
  const [start = "", authority] = ABSOLUTE.exec(target) ?? [];
  if (authority !== undefined && !isAuthority(authority)) return target;
  const rest = target.slice(start.length);
  const origin = authority === undefined || rest.startsWith("/") ? rest : `/${rest}`;
  const path = pathOf(origin);
  return path.replace(NEEDLESS, (encoded) => decodeURIComponent(encoded)) + origin.slice(path.length);
}

/** The path of a target, also of an invalid one. */
export function pathOf(target: string): string {
  const relative = target.startsWith("/") ? target : target.replace(ABSOLUTE, "");
  const end = relative.search(/[?#]/);
  return end < 0 ? relative : relative.slice(0, end);
}

/** Whether a target is a path without a fragment, which no request may have (RFC 9110 section 4.1). */
export function isOriginForm(target: string): boolean {
  return target.startsWith("/") && !target.includes("#");
}

/** uri-host and port (RFC 3986 section 3.2); the host of an http URI is not empty (RFC 9110 section 4.2.1). */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::(\d*))?$/;

const MAX_PORT = 65_535;

/** Whether a text is a host with or without a port, and no user before it. */
export function isAuthority(text: string): boolean {
  const match = AUTHORITY.exec(text);
  if (match === null) return false;
  const [, address, port = ""] = match;
  return Number(port) <= MAX_PORT && (address === undefined || URL.canParse(`http://[${address}]`));
}

/** Longest path in a log line, in characters. */
const MAX_LOGGED = 200;

/**
 * A path for a log line: cut, without query, with an asterisk for each segment that is no plain word. Such a segment
 * may be a token or a password.
 */
export function pathForLog(target: string): string {
  const segments = pathOf(canonicalTarget(target)).split("/");
  return segments
    .map((segment) => (isPlainWord(segment) ? segment : "*"))
    .join("/")
    .slice(0, MAX_LOGGED);
}
