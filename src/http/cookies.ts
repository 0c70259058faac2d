/**
 * The cookies of a browser: its login session, its identity, the mark of a known browser, and the token of the console. Over https they have the
 * `__Host-` prefix, so that no subdomain and no plain-http page can set them (RFC 6265bis section 4.1.3.2).
 */
const COOKIES = {
  session: "jeton_session",
  browser: "jeton_browser",
  known: "jeton_known",
  console: "jeton_console",
} as const;
type CookieName = keyof typeof COOKIES;

/** Longest part of a Cookie header that is read, in characters. */
const MAX_COOKIE = 8_192;

export class Cookies {
  readonly #secure: boolean;

  /** @param url its scheme decides whether cookies are for https: browsers see it, a proxy may not */
  constructor(url: string) {
    this.#secure = url.startsWith("https:");
  }

  /** The value of a cookie in a Cookie header; undefined if there is none, or more than one. */
  read(header: string | undefined, name: CookieName): string | undefined {
    const wanted = `${this.#name(name)}=`;
    const found = (header ?? "")
      .slice(0, MAX_COOKIE)
      .split(";")
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(wanted));
    return found.length === 1 ? found[0]!.slice(wanted.length) : undefined;
  }

  /**
   * A Set-Cookie header; without a value it removes the cookie.
   * @param lifetime seconds; otherwise it lasts until the browser is closed
   */
  write(name: CookieName, value: string | undefined, lifetime?: number): string {
    const attributes = ["Path=/", "HttpOnly", "SameSite=Lax", ...(this.#secure ? ["Secure"] : [])];
    const seconds = value === undefined ? 0 : lifetime;
    const expiry = seconds === undefined ? [] : [`Max-Age=${seconds}`];
    return [`${this.#name(name)}=${value ?? ""}`, ...attributes, ...expiry].join("; ");
  }

  #name(name: CookieName): string {
    return this.#secure ? `__Host-${COOKIES[name]}` : COOKIES[name];
  }
}
