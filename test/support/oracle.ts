import type { Test } from "tap";
import { SECRET } from "./fleet.js";
import { basic, type Instance, type Reply } from "./instance.js";

/** Words that only stand in an answer when something of the inside got out. */
const INSIDE =
  /\bat .+:\d+:\d+|node_modules|FST_ERR|prisma|postgres|\bpg\b|\bzod\b|\bSELECT\b|SQLSTATE|stack|undefined|\[object/i;

/** Random ids and tokens: any short word can occur in them by chance. Names of the inside that are as long have no digit. */
const RANDOM = /(?<![\w-])(?=[\w-]*[\d-])[\w-]{22,}/g;

/** The parts of an answer that are examined, from any kind of reader. */
export interface Seen {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers | Readonly<Record<string, string | undefined>>;
}

/**
 * What must hold of every answer to any request: no 5xx, nothing of the inside, JSON where there is a body, not
 * stored anywhere, not sniffed; and the next good request is served.
 */
export async function holds(t: Test, server: Instance, seen: Seen): Promise<void> {
  const next = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  const faults = [
    ...faultsOf(seen),
    ...(next.status === 200 ? [] : [`the next good request is answered ${next.status}`]),
  ];
  t.strictSame(faults, [], "and what must hold of every answer");
}

/** The faults of an answer that no request may get. */
export function faultsOf({ status, text, headers }: Seen): readonly string[] {
  const header = (name: string) => (headers instanceof Headers ? headers.get(name) : headers[name]) ?? "";
  const wrong: Readonly<Record<string, boolean>> = {
    [`no decision: ${status}`]: status < 200 || status >= 500,
    [`something of the inside: ${text.slice(0, 200)}`]: isOfTheInside(text),
    "a secret came back": text.includes(SECRET),
    [`not JSON: ${header("content-type")}`]:
      text !== "" && header("content-type") !== "application/json; charset=utf-8",
    [`may be stored: ${header("cache-control")}`]: header("cache-control") !== "no-store",
    "may be sniffed": header("x-content-type-options") !== "nosniff",
    "the server says its name": header("server") + header("x-powered-by") !== "",
  };
  return Object.keys(wrong).filter((fault) => wrong[fault]);
}

function isOfTheInside(text: string): boolean {
  return INSIDE.test(text.replace(RANDOM, ""));
}

/** The same for what a browser is answered: a page that nothing foreign can act in, or a redirect without a body. */
export async function holdsInBrowser(t: Test, server: Instance, seen: Reply): Promise<void> {
  const next = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  const faults = [
    ...pageFaultsOf(seen),
    ...(next.status === 200 ? [] : [`the next good request is answered ${next.status}`]),
  ];
  t.strictSame(faults, [], "and what must hold of every answer to a browser");
}

/** The faults of a page or a redirect that no request may get. */
export function pageFaultsOf(page: Reply): readonly string[] {
  const { status, text, headers } = page;
  const header = (name: string) => headers.get(name) ?? "";
  const policy = header("content-security-policy");
  const isPage = text !== "";
  // What stands there of the request itself says nothing of the inside.
  const said = errorDetail(page);
  const wrong: Readonly<Record<string, boolean>> = {
    [`no decision: ${status}`]: status < 200 || status >= 500,
    [`something of the inside: ${said}`]: isOfTheInside(said),
    "a secret came back": text.includes(SECRET),
    [`neither a page nor a redirect: ${status} ${header("content-type")}`]: isPage
      ? header("content-type") !== "text/html; charset=utf-8"
      : status !== 303 || header("location") === "",
    [`may be stored: ${header("cache-control")}`]: header("cache-control") !== "no-store",
    "may be sniffed": header("x-content-type-options") !== "nosniff",
    "tells the next page where it came from": header("referrer-policy") !== "no-referrer",
    [`may be framed: ${policy}`]:
      !policy.includes("frame-ancestors 'none'") || (isPage && header("x-frame-options") !== "DENY"),
    [`runs what it should not: ${policy}`]: !policy.startsWith("default-src 'none'") || policy.includes("unsafe"),
    "another origin may read it": header("access-control-allow-origin") !== "",
    "the server says its name": header("server") + header("x-powered-by") !== "",
  };
  return Object.keys(wrong).filter((fault) => wrong[fault]);
}

/** What the page of a refusal says, as it stands in the HTML. */
export function errorDetail({ text }: Reply): string {
  return /id="error-detail"[^>]*>([\s\S]*?)<\/dd>/.exec(text)?.[1] ?? "";
}

/** Checks that no credential is in the log. */
export function nothingLeaked(t: Test, server: Instance, secrets: Iterable<string | undefined>): void {
  const log = JSON.stringify(server.log);
  const found = [...secrets].filter(
    (one) => one !== undefined && (log.includes(one) || log.includes(encodeURIComponent(one))),
  );
  t.strictSame(found, [], "LG-01 no secret is in the log");
}
