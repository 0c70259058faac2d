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
  const header = (name: string) => (seen.headers instanceof Headers ? seen.headers.get(name) : seen.headers[name]);
  t.ok(seen.status >= 200 && seen.status < 500, `a decision, not ${seen.status}`);
  t.notMatch(seen.text, INSIDE, "nothing of the inside");
  t.notOk(seen.text.includes(SECRET), "no echo of a secret");
  if (seen.text !== "") t.match(header("content-type"), /^application\/json; charset=utf-8$/);
  t.equal(header("cache-control"), "no-store");
  t.equal(header("x-content-type-options"), "nosniff");
  t.notOk(header("server") || header("x-powered-by"), "no name of the server");
  const next = await server.post("/oauth2/token", { grant_type: "client_credentials" }, basic("backend", SECRET));
  t.equal(next.status, 200, "the next good request is served");
}

/** Waits until something is so, turn by turn of the event loop; fails when it does not come about. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limit = 10_000): Promise<void> {
  const deadline = performance.now() + limit;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
