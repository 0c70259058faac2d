import { Refusal } from "../errors/refusal.js";
import { isStoreUnavailable } from "../store/failure.js";

/** Seconds after which a request that met no database may be tried again. */
const RETRY_AFTER = 1;

/** What Fastify refuses by itself, before a handler is asked. */
const BY_FASTIFY: Readonly<Record<string, () => Refusal>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new Refusal("media_type_unsupported"),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Refusal("body_too_large"),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => new Refusal("http_malformed", {}, { reason: "content-length" }),
  FST_ERR_BAD_URL: () => new Refusal("http_malformed", {}, { reason: "percent-encoding of the path" }),
  FST_ERR_ASYNC_CONSTRAINT: () => new Refusal("http_malformed", {}, { reason: "constraint" }),
};

/**
 * Turns whatever was thrown into a refusal. Only a refusal's public message can leave the server, so the text of any
 * other error stays in the log.
 */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (isStoreUnavailable(error)) {
    return new Refusal("store_unavailable", {}, { retryAfter: RETRY_AFTER, reason: describe(error) });
  }
  const byFastify = BY_FASTIFY[(error as { code?: string }).code ?? ""];
  return byFastify?.() ?? new Refusal("internal_error", {}, { reason: describe(error) });
}

/** Name and code only: messages of database errors may quote parameters. */
function describe(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  return [name, code].filter(Boolean).join(" ");
}
