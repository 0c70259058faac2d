import type { Test } from "tap";
import { SECRET } from "./fleet.js";
import { basic, type Instance } from "./instance.js";

/** Words that only stand in an answer when something of the inside got out. */
const INSIDE = /\bat .+:\d+:\d+|node_modules|FST_ERR|prisma|postgres|\bpg\b|\bzod\b|\bSELECT\b|SQLSTATE|stack|undefined|\[object/i;

/** What is looked at of an answer, whoever read it. */
export interface Seen {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers | Readonly<Record<string, string | undefined>>;
}

/**
 * What must hold of every answer, whatever was sent: no 5xx, nothing of the inside, JSON where there is a body, not
 * stored anywhere, not sniffed; and the next good request is served.
 */
export async function holds(t: Test, server: Instance, seen: Seen): Promise<void> {
  const next = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  const faults = [...faultsOf(seen), ...(next.status === 200 ? [] : [`the next good request is answered ${next.status}`])];
  t.strictSame(faults, [], "and what must hold of every answer");
}

/** What is wrong with an answer that nobody may get, whatever was asked. */
export function faultsOf({ status, text, headers }: Seen): readonly string[] {
  const header = (name: string) => (headers instanceof Headers ? headers.get(name) : headers[name]) ?? "";
  const wrong: Readonly<Record<string, boolean>> = {
    [`no decision: ${status}`]: status < 200 || status >= 500,
    [`something of the inside: ${text.slice(0, 200)}`]: INSIDE.test(text),
    "a secret came back": text.includes(SECRET),
    [`not JSON: ${header("content-type")}`]: text !== "" && header("content-type") !== "application/json; charset=utf-8",
    [`may be stored: ${header("cache-control")}`]: header("cache-control") !== "no-store",
    "may be sniffed": header("x-content-type-options") !== "nosniff",
    "the server says its name": header("server") + header("x-powered-by") !== "",
  };
  return Object.keys(wrong).filter((fault) => wrong[fault]);
}

/** Waits until something is so, turn by turn of the event loop; fails when it does not come about. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 10_000): Promise<void> {
  const deadline = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
