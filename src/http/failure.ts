import { isRefusal, Refusal } from "../errors/refusal.js";
import type { FastifyBaseLogger } from "fastify";
import { isPoolBusy, isStoreUnavailable } from "../store/failure.js";
import { CallerLeftError } from "../store/pool.js";

/** Seconds after which a request that met no database may be tried again. */
const RETRY_AFTER = 1;

/** What Fastify refuses by itself, before a handler is asked. */
const BY_FASTIFY: Readonly<Record<string, () => Refusal>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new Refusal("media_type_unsupported"),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Refusal("body_too_large"),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new Refusal("http_malformed", { reason: "content-length" }),
  FST_ERR_BAD_URL: () => new Refusal("http_malformed", { reason: "request-target" }),
  FST_ERR_ASYNC_CONSTRAINT: () => new Refusal("http_malformed", { reason: "constraint" }),
};

/**
 * Turns whatever was thrown into a refusal. Only a refusal's public message can leave the server, so the text of any
 * other error stays in the log.
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
  // Whatever else it blames on the request: a new version finds new reasons.
  const blamed = code.startsWith("FST_ERR_") && statusCode < 500;
  return blamed ? new Refusal("http_malformed", { reason: code }) : undefined;
}

/** Node says ECONNRESET of a sender that leaves in the middle of its body, as the network does of a database. */
function isAbandoned(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ECONNRESET" && message === "aborted";
}

/** Name and code only: messages of database errors may quote parameters. */
function describe(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  return [name, code].filter(Boolean).join(" ");
}

/** Logs what was no refusal to begin with, by its frames only: the message of such an error may quote what somebody sent. */
export function logUnexpected(error: unknown, refusal: Refusal, log: FastifyBaseLogger): void {
  if (error === refusal || refusal.row.kind !== "internal") return;
  log.error({ err: error, reason: refusal.reason }, "unexpected error");
}
