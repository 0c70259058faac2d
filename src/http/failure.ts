import { isRefusal, Refusal } from "../errors/refusal.js";
import type { FastifyBaseLogger } from "fastify";
import { isPoolBusy, isStoreUnavailable } from "../store/failure.js";
import { CallerLeftError } from "../store/pool.js";

/** Retry-After in seconds for a request that could not reach the database. */
const RETRY_AFTER = 1;

/** Errors of Fastify before a handler is called. */
const BY_FASTIFY: Readonly<Record<string, () => Refusal>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new Refusal("media_type_unsupported"),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Refusal("body_too_large"),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new Refusal("http_malformed", { reason: "content-length" }),
  FST_ERR_BAD_URL: () => new Refusal("http_malformed", { reason: "request-target" }),
  FST_ERR_ASYNC_CONSTRAINT: () => new Refusal("http_malformed", { reason: "constraint" }),
};

/**
 * Turns any thrown value into a refusal. Only the public message of a refusal leaves the server; the text of other
 * errors goes to the log only.
 */
export function asRefusal(error: unknown): Refusal {
  if (isRefusal(error)) return error;
  if (isAbandoned(error) || error instanceof CallerLeftError)
    return new Refusal("http_malformed", { reason: "its sender left" });
  if (isPoolBusy(error)) {
    return new Refusal("overloaded", { retryAfter: RETRY_AFTER, reason: "too many statements wait" });
  }
  if (isStoreUnavailable(error)) {
    return new Refusal("store_unavailable", { retryAfter: RETRY_AFTER, reason: describe(error) });
  }
  return byFastify(error) ?? new Refusal("internal_error", { reason: describe(error) });
}

function byFastify(error: unknown): Refusal | undefined {
  const { code = "", statusCode = 500 } = error as { code?: string; statusCode?: number };
  if (Object.hasOwn(BY_FASTIFY, code)) return BY_FASTIFY[code]!();
  // Other errors that blame the request. New versions may add some.
  const blamed = code.startsWith("FST_ERR_") && statusCode < 500;
  return blamed ? new Refusal("http_malformed", { reason: code }) : undefined;
}

/**
 * Node reports ECONNRESET for a sender that leaves in the middle of its body. The network reports the same for a
 * database.
 */
function isAbandoned(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ECONNRESET" && message === "aborted";
}

/** Name and code only: messages of database errors may quote parameters. */
function describe(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  return [name, code].filter(Boolean).join(" ");
}

/** Logs an unexpected error by its frames only: its message may quote the request. */
export function logUnexpected(error: unknown, refusal: Refusal, log: FastifyBaseLogger): void {
  if (error === refusal || refusal.row.kind !== "internal") return;
  log.error({ err: error, reason: refusal.reason }, "unexpected error");
}
