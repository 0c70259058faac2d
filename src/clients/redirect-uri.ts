/**
 * Redirect URIs are compared as strings (RFC 9700 section 4.1.3): nothing is parsed, normalised or matched by pattern. The
 * one exception is the port of a loopback address, which a native app learns only when it listens (RFC 8252 section 7.3).
 */
export function isRegistered(requested: string, registered: readonly string[]): boolean {
  if (registered.includes(requested)) return true;
  const portless = withoutLoopbackPort(requested);
  return portless !== undefined && registered.some((uri) => withoutLoopbackPort(uri) === portless);
}

const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::\d{1,5})?(\/.*)?$/;

/** A URI on a literal loopback address without its port; undefined for any other, `localhost` included. */
function withoutLoopbackPort(uri: string): string | undefined {
  const [, host, path = ""] = LOOPBACK.exec(uri) ?? [];
  // Five digits may be more than a port can be; nobody is sent to what is no URI.
  return host === undefined || !URL.canParse(uri) ? undefined : host + path;
}

/** What an authorization answer may hold (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207). */
const AUTHORIZATION_ANSWER = ["code", "state", "iss", "error", "error_description", "error_uri"] as const;

/**
 * A redirect URI with an answer in its query. What the registered URI itself has of such names is dropped, also where
 * this answer has none: a `code` beside an error, or a `state` nobody sent, would be taken for ours.
 * @param names what only an answer of this kind may say
 */
export function withAnswer(
  uri: string,
  answer: Readonly<Record<string, string>>,
  names: readonly string[] = AUTHORIZATION_ANSWER,
): string {
  const [base, query = ""] = split(uri);
  const kept = query.split("&").filter((pair) => pair !== "" && !names.includes(nameOf(pair)));
  const added = Object.entries(answer).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const pairs = [...kept, ...added];
  return pairs.length === 0 ? base : `${base}?${pairs.join("&")}`;
}

function split(uri: string): [string, string?] {
  const mark = uri.indexOf("?");
  return mark < 0 ? [uri] : [uri.slice(0, mark), uri.slice(mark + 1)];
}

function nameOf(pair: string): string {
  const name = pair.split("=", 1)[0]!.replaceAll("+", " ");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Where the pages begin that a redirect URI belongs to; undefined for one that no browser opens, as a native app has. */
export function webOriginOf(redirect_uri: string): string | undefined {
  const { protocol, origin } = new URL(redirect_uri);
  return /^https?:$/.test(protocol) ? origin : undefined;
}

/**
 * Where a client's own pages begin, as far as its registration says: a loopback address has no port there, and leads
 * nowhere.
 */
export function homePageOf(redirect_uris: readonly string[]): string | undefined {
  return redirect_uris
    .filter((uri) => !LOOPBACK.test(uri))
    .map(webOriginOf)
    .find((origin) => origin !== undefined);
}

/** Where a client's own pages come from: its `web_origins`, and the origins it sends people back to. */
export function webOriginsOf(client: {
  readonly redirect_uris: readonly string[];
  readonly web_origins: readonly string[];
}): readonly string[] {
  const origins = client.redirect_uris.map((uri) => new URL(uri).origin).filter((origin) => origin !== "null");
  return [...new Set([...client.web_origins, ...origins])];
}
