/**
 * Redirect URIs are compared as strings (RFC 9700 section 4.1.3), without parsing, normalising or patterns. The only
 * exception is the port of a loopback address, which a native app learns only when it listens (RFC 8252 section 7.3).
 */
export function isRegistered(requested: string, registered: readonly string[]): boolean {
  if (registered.includes(requested)) return true;
  const portless = withoutLoopbackPort(requested);
  return portless !== undefined && registered.some((uri) => withoutLoopbackPort(uri) === portless);
}

/** `localhost` is one too, although RFC 8252 section 8.3 advises against the name: many apps cannot choose another. */
const LOOPBACK = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?(\/.*)?$/;

/** Whether a URI is of an app on the machine of its user. */
export function isLoopback(uri: string): boolean {
  return withoutLoopbackPort(uri) !== undefined;
}

/** A URI on a loopback address, without its port; undefined for any other URI. */
function withoutLoopbackPort(uri: string): string | undefined {
  const [, host, path = ""] = LOOPBACK.exec(uri) ?? [];
  // Five digits may exceed the highest port. Such a text is no URI, so no browser is sent there.
  return host === undefined || !URL.canParse(uri) ? undefined : host + path;
}

/** The parameters of an authorization response (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207). */
const AUTHORIZATION_ANSWER = ["code", "state", "iss", "error", "error_description", "error_uri"] as const;

/**
 * Adds a response to the query of a redirect URI. Parameters of the registered URI with reserved names are dropped,
 * also if the response lacks them: a client would take a `code` beside an error for ours. So are those that the response has.
 * @param names parameter names that only the response may use
 */
export function withAnswer(
  uri: string,
  answer: Readonly<Record<string, string>>,
  names: readonly string[] = AUTHORIZATION_ANSWER,
): string {
  const [base, query = ""] = split(uri);
  const isReserved = (name: string) => names.includes(name) || Object.hasOwn(answer, name);
  const kept = query.split("&").filter((pair) => pair !== "" && !isReserved(nameOf(pair)));
  const pairs = [...kept, ...pairsOf(answer)];
  return pairs.length === 0 ? base : `${base}?${pairs.join("&")}`;
}

/** Adds an authorization response as the fragment of a redirect URI, which has none itself. */
export function withFragment(uri: string, answer: Readonly<Record<string, string>>): string {
  return `${withAnswer(uri, {})}#${pairsOf(answer).join("&")}`;
}

function pairsOf(answer: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(answer).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
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

/** The origin of the pages of a redirect URI; undefined for a URI that no browser opens, as native apps have. */
export function webOriginOf(redirect_uri: string): string | undefined {
  const { protocol, origin } = new URL(redirect_uri);
  return /^https?:$/.test(protocol) ? origin : undefined;
}

/** The origin of a client's own pages, by its registration. A loopback URI has no fixed port, so it gives none. */
export function homePageOf(redirect_uris: readonly string[]): string | undefined {
  return redirect_uris
    .filter((uri) => !LOOPBACK.test(uri))
    .map(webOriginOf)
    .find((origin) => origin !== undefined);
}

/** The origins of a client's pages: its `web_origins`, and those of its redirect URIs. */
export function webOriginsOf(client: {
  readonly redirect_uris: readonly string[];
  readonly web_origins: readonly string[];
}): readonly string[] {
  const origins = client.redirect_uris.map((uri) => new URL(uri).origin).filter((origin) => origin !== "null");
  return [...new Set([...client.web_origins, ...origins])];
}
