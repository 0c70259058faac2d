import { KINDS } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { WireResponse, Dialect, RefusalSpelling } from "./dialect.js";
import { matches } from "./paths.js";

/** The response of a dialect to a refusal, at one of its paths or anywhere below its prefixes. */
export function refusalAt(dialect: Dialect, path: string, refusal: Refusal, request: string): WireResponse {
  const { endpoints, refusals } = dialect;
  const own = endpoints.find((one) => one.refusals !== undefined && matches(one.path, path))?.refusals;
  return spellRefusal(own ?? refusals, refusal, request);
}

/**
 * Words a refusal in a dialect. This is the only place that chooses an error word and a status.
 * @param request the id of the request
 */
export function spellRefusal(spelling: RefusalSpelling, refusal: Refusal, request: string): WireResponse {
  const { as, ...byCode } = spelling.codes[refusal.row.code] ?? {};
  if (as !== undefined) return spellRefusal(spelling, new Refusal(as), request);
  const standard = KINDS[refusal.row.kind];
  const { error, status } = { ...standard, ...spelling.kinds[refusal.row.kind], ...byCode };
  const description = refusal.message;
  const challenge = spelling.challenge?.({ code: refusal.row.code, error, description });
  return {
    status,
    headers: {
      ...(challenge === undefined ? {} : { "WWW-Authenticate": challenge }),
      ...(refusal.retryAfter === undefined ? {} : { "Retry-After": String(refusal.retryAfter) }),
      ...(refusal.allow === undefined ? {} : { Allow: refusal.allow.join(", ") }),
    },
    body: spelling.body({ error, status, description, more: refusal.more ?? {}, request }),
  };
}
