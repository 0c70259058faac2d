import { Refusal } from "../errors/refusal.js";
import { RETRY_AFTER, type PreparedResponse } from "../http/load-shedder.js";
import { headersOf } from "../http/headers.js";
import type { Dialect, Endpoint } from "./dialect.js";
import { matches } from "./paths.js";
import { spellRefusal } from "./refuse.js";

/**
 * The responses of an overloaded server, made in advance for each path of a dialect. They have no request id, because no
 * audit line is written for them.
 * @returns the response for a path, or undefined where no dialect has an endpoint
 */
export function overloadAnswers(
  dialects: readonly Dialect[],
  issuer: string,
): (path: string) => PreparedResponse | undefined {
  const exact = new Map<string, PreparedResponse>();
  const patterns: { readonly path: string; readonly answer: PreparedResponse }[] = [];
  for (const dialect of dialects) {
    for (const endpoint of dialect.endpoints) {
      const { path } = endpoint;
      const answer = written(dialect, endpoint, issuer);
      if (path.includes("/:")) patterns.push({ path, answer });
      else exact.set(path, answer);
    }
  }
  return (path) => exact.get(path) ?? patterns.find((one) => matches(one.path, path))?.answer;
}

function written(dialect: Dialect, { refusals = dialect.refusals }: Endpoint, issuer: string): PreparedResponse {
  const refusal = new Refusal("overloaded", { retryAfter: RETRY_AFTER });
  const written = spellRefusal(refusals, refusal, "");
  const { status, headers, body } = dialect.decorate?.(written) ?? written;
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const all: Readonly<Record<string, string>> = {
    ...headersOf(issuer),
    "Content-Type": "application/json; charset=utf-8",
    ...headers,
    "Content-Length": String(bytes.length),
  };
  return { status, headers: Object.entries(all).flat(), body: bytes };
}
