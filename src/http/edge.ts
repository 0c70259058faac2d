import type { FastifyRequest } from "fastify";
import { Refusal } from "../errors/refusal.js";
import type { Form } from "./form.js";

/** Checks of headers and query, before the body is read. */

/** Client credentials, which must not be in a URL (RFC 6749 section 2.3.1). */
const CLIENT_CREDENTIALS = new Set(["client_secret", "client_assertion"]);

/** Other credentials that must not be in a URL: proxies log URLs (RFC 9700 section 4.3.2). */
const CREDENTIALS = new Set([
  "username",
  "password",
  "token",
  "access_token",
  "refresh_token",
  "id_token",
  "code",
  "code_verifier",
  "ticket",
  "claim_token",
  "pct",
  "rpt",
]);

/** @throws Refusal if the query has a credential; other parameters in a query are ignored */
export function refuseCredentialsInQuery(request: FastifyRequest): void {
  const mark = request.url.indexOf("?");
  if (mark < 0) return;
  refuseCredentialNames([...new URLSearchParams(request.url.slice(mark + 1)).keys()]);
}

/** @throws Refusal if the name of a parameter in a URL is that of a credential */
export function refuseCredentialNames(names: readonly string[]): void {
  if (names.some((name) => CLIENT_CREDENTIALS.has(name))) throw new Refusal("client_credential_in_query");
  const name = names.find((one) => CREDENTIALS.has(one));
  if (name !== undefined) throw new Refusal("credential_in_query", { slots: { name } });
}

/**
 * Refuses a compressed body (RFC 9110 section 8.4), which could expand without limit, and a body in another encoding
 * than UTF-8. Requests without a body are accepted: some clients send these headers with every request.
 * @throws Refusal media_type_unsupported
 */
export function refuseEncodedBody(request: FastifyRequest): void {
  const { headers } = request;
  if (headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0) return;
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity" || declaresOtherCharset(request))
    throw new Refusal("media_type_unsupported");
}

/** One parameter of a media type, or nothing between two semicolons (RFC 9110 section 5.6.6). */
const TYPE_PARAMETER = /[ \t]*;[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=([\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"))?/y;

/** UTF-8, as some clients write it (Encoding standard section 4.2). */
const UTF8 = /^utf-?8$/i;

/**
 * Whether a body declares another encoding than UTF-8, the encoding of forms and JSON (RFC 6749 appendix B, RFC 8259
 * section 8.1). An ambiguous type counts as another one.
 */
function declaresOtherCharset(request: FastifyRequest): boolean {
  const type = request.headers["content-type"];
  if (type === undefined) return false;
  const parameters = countHeader(request, "content-type") === 1 ? parametersOfType(type) : undefined;
  return parameters === undefined || !UTF8.test(parameters.get("charset") ?? "utf-8");
}

/** The parameters of a media type, by lower-case name; undefined if one is repeated or malformed. */
function parametersOfType(type: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  const text = type.trimEnd();
  let end = text.search(/[ \t]*(;|$)/);
  while (end < text.length) {
    TYPE_PARAMETER.lastIndex = end;
    const match = TYPE_PARAMETER.exec(text);
    if (match === null) return undefined;
    end = TYPE_PARAMETER.lastIndex;
    const [, written, value = ""] = match;
    const name = written?.toLowerCase();
    if (name === undefined) continue;
    if (found.has(name)) return undefined;
    found.set(name, value.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/g, "$1"));
  }
  return found;
}

/** The number of field lines with a name. Node drops all but the first of some headers. */
export function countHeader({ raw }: FastifyRequest, name: string): number {
  const { rawHeaders } = raw;
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const text = rawHeaders[index]!;
    if (text.length === name.length && text.toLowerCase() === name) count += 1;
  }
  return count;
}

/** The Authorization header. @throws Refusal authorization_header_repeated */
export function singleAuthorization(request: FastifyRequest): string | undefined {
  if (countHeader(request, "authorization") > 1) throw new Refusal("authorization_header_repeated");
  return request.headers.authorization;
}

const NO_PARAMETERS: Form = { parameters: new Map(), repeated: new Set() };

/** The query of a request, parsed like a form. */
export function queryOf({ url }: FastifyRequest, read: (text: string) => Form | undefined): Form {
  const mark = url.indexOf("?");
  return (mark < 0 ? undefined : read(url.slice(mark + 1))) ?? NO_PARAMETERS;
}

/**
 * Refuses a form that another site sent. Browsers send Sec-Fetch-Site; older ones send Origin, which is "null" for
 * pages without referrers, such as ours. Without either header, the token in the form protects it.
 * @throws Refusal form_foreign
 */
export function refuseForeignForm({ headers }: FastifyRequest, issuer: string): void {
  const { origin, "sec-fetch-site": site } = headers;
  const foreign =
    site === undefined
      ? origin !== undefined && origin !== "null" && !isOwnOrigin(origin, new URL(issuer))
      : site !== "same-origin" && site !== "none";
  if (foreign) throw new Refusal("form_foreign", { reason: "sent from another origin" });
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** For development, `localhost` and 127.0.0.1 are the same origin, in the issuer too. */
function isOwnOrigin(origin: string, issuer: URL): boolean {
  if (origin === issuer.origin) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, hostname, port } = new URL(origin);
  return (
    LOOPBACK.test(hostname) && LOOPBACK.test(issuer.hostname) && protocol === issuer.protocol && port === issuer.port
  );
}
