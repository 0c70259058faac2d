import { PoolBusyError } from "./pool.js";

/**
 * Distinguishes an unavailable database from a bug in this program. The first is answered with 503 and can be retried, the
 * second with 500.
 */

/** SQLSTATEs of temporary failures. A prefix stands for a class. */
const PASSING_STATES = [
  "08", // connection exceptions
  "53", // insufficient resources: too many connections, disk full
  "28", // not let in: its password was changed under us
  "3D", // no such database: it was renamed or dropped under us
  "57P", // shutting down, starting up, crashed
  "55000", // the database does not accept connections at the moment
  "57014", // statement timeout
  "55P03", // lock timeout
  "40001", // serialisation failure
  "40P01", // deadlock
  "25006", // a read-only server: a failover is under way
  "25P03", // idle in transaction timeout
];

/** Codes of the operating system, node-postgres and Prisma for a missing connection. */
const PASSING_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "P1001",
  "P1002",
  "P1008",
  "P1017",
  "P2024",
  "P2028",
]);

const PASSING_MESSAGES = [
  /timeout exceeded when trying to connect/,
  /Connection terminated/,
  /Query read timeout/,
  /Client has encountered a connection error/,
  /Cannot use a pool after calling end/,
];

/** Whether an error, or one of its causes, means that the database is unreachable or out of capacity. */
export function isStoreUnavailable(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    const { code, originalCode, message, errors, syscall } = cause as Record<string, unknown>;
    if (cause instanceof PoolBusyError || syscall === "connect") return true;
    if ([code, originalCode].some((value) => typeof value === "string" && isPassing(value))) return true;
    if (typeof message === "string" && PASSING_MESSAGES.some((pattern) => pattern.test(message))) return true;
    return Array.isArray(errors) && errors.some(isStoreUnavailable);
  });
}

/** The first line of an error of PostgreSQL; undefined for any other error. */
export function databaseFault(error: unknown): string | undefined {
  for (const cause of causesOf(error)) {
    const { code, originalCode, message, originalMessage } = cause as Record<string, unknown>;
    const isState = [code, originalCode].some((value) => typeof value === "string" && SQLSTATE.test(value));
    const said = originalMessage ?? message;
    if (isState && typeof said === "string") return said.split("\n")[0];
  }
  return undefined;
}

/** Five characters with a digit in the class. Codes of Prisma (P2002) differ from class P0 (P0001). */
const SQLSTATE = /^(?!P[1-9])(?=.?\d)[0-9A-Z]{5}$/;

/** Whether a statement was never sent because too many others wait for a connection. */
export function isPoolBusy(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof PoolBusyError);
}

/** An error and its causes. Prisma keeps the error of the driver in `meta`. */
function causesOf(error: unknown): readonly object[] {
  const causes: object[] = [];
  for (let cause = error; cause instanceof Object && causes.length < 5;) {
    causes.push(cause);
    const { cause: inner, meta } = cause as { cause?: unknown; meta?: { driverAdapterError?: unknown } };
    cause = inner ?? meta?.driverAdapterError;
  }
  return causes;
}

function isPassing(code: string): boolean {
  return PASSING_CODES.has(code) || PASSING_STATES.some((state) => code.startsWith(state) && code.length >= 5);
}

/** Another account has this name. The triggers that keep names unique raise the same message. */
export class IdentifierInUseError extends Error {
  constructor() {
    super("the identifier is in use");
  }
}

/** Whether a unique constraint, or a trigger that keeps the names of accounts unique, refused a write. */
export function isConflict(error: unknown): boolean {
  return hasState(error, "P2002", "23505") || String((error as Error).message).includes("the identifier is in use");
}

/** Whether the row of a write, or a row that it refers to, does not exist (any more). */
export function isGone(error: unknown): boolean {
  return hasState(error, "P2025", "P2003", "23503");
}

/** Whether an error, or one of its causes, has one of these codes of Prisma or PostgreSQL. */
function hasState(error: unknown, ...states: readonly string[]): boolean {
  return causesOf(error).some((cause) => {
    const { code, originalCode } = cause as { code?: unknown; originalCode?: unknown };
    return states.some((state) => state === code || state === originalCode);
  });
}
