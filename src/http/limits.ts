/** Limits for one client, in bytes and milliseconds (docs/operations.md explains each). */

/** Largest accepted body. */
export const BODY_LIMIT = 64 * 1024;

/** Longest parameter in a path, in characters: an id of 255, each percent-encoded. */
export const MAX_PATH_PARAMETER = 3 * 255;

export const LIMITS = {
  /** The application refuses a request without a host (http/envelope.ts). */
  requireHostHeader: false,
  /** All header fields of a request together. */
  maxHeaderSize: 16 * 1024,
  /** From the first byte of a request to its last: a slow body is cut. */
  requestTimeout: 15_000,
  headersTimeout: 10_000,
  /** Longer than the idle timeout of common load balancers (60 s), so that they close first. */
  keepAliveTimeout: 72_000,
  /** Interval of Node's check for slow requests. */
  connectionsCheckingInterval: 2_000,
} as const;

/** Time that a stopping process waits for answers in progress. */
export const DRAIN_LIMIT = 10_000;
