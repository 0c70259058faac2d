import type { IncomingHttpHeaders } from "node:http";

/** Bounds of the time for which a response is kept, in seconds. */
interface Bounds {
  readonly min: number;
  readonly max: number;
  /** For a response that says nothing about it. */
  readonly otherwise: number;
}

/** The seconds for which a response may be kept by its own headers (RFC 9111 section 4.2), within bounds. */
export function freshFor(headers: IncomingHttpHeaders, { min, max, otherwise }: Bounds): number {
  const said = lifetimeOf(headers) ?? otherwise;
  return Math.min(Math.max(said, min), max);
}

function lifetimeOf({ "cache-control": control = "", age, expires, date }: IncomingHttpHeaders): number | undefined {
  const directives = control
    .toLowerCase()
    .split(",")
    .map((one) => one.trim());
  if (directives.some((one) => /^no-(store|cache)\b/.test(one))) return 0;
  const [, seconds] = /^max-age="?(\d{1,9})"?$/.exec(directives.find((one) => one.startsWith("max-age=")) ?? "") ?? [];
  if (seconds !== undefined) return Number(seconds) - (/^\d{1,9}$/.test(age ?? "") ? Number(age) : 0);
  if (expires === undefined) return undefined;
  const lifetime = (Date.parse(expires) - Date.parse(date ?? "")) / 1000;
  // A date that cannot be read means that the response has expired (RFC 9111 section 5.3).
  return Number.isFinite(lifetime) ? Math.floor(lifetime) : 0;
}
