import { PoolBusyError } from "./pool.js";

/**
 * Tells a store that cannot be used right now from a fault of ours. The first is answered with 503 and may be tried
 * again; the second is a 500 and a bug.
 */

/** SQLSTATEs (and classes, as prefixes) that say: not now. */
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

/** What the operating system, node-postgres and Prisma say when there is no connection to be had. */
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

/** Whether the error means that the database is out of reach or out of capacity, looking through its causes. */
export function isStoreUnavailable(error: unknown): boolean {
  return causesOf(error).some((cause) => {
    const { code, originalCode, message, errors, syscall } = cause as Record<string, unknown>;
    if (cause instanceof PoolBusyError || syscall === "connect") return true;
    if ([code, originalCode].some((value) => typeof value === "string" && isPassing(value))) return true;
    if (typeof message === "string" && PASSING_MESSAGES.some((pattern) => pattern.test(message))) return true;
    return Array.isArray(errors) && errors.some(isStoreUnavailable);
  });
}

/** What PostgreSQL said of a statement that it did not carry out, in one line; undefined where it is not its error. */
export function databaseFault(error: unknown): string | undefined {
  for (const cause of causesOf(error)) {
    const { code, originalCode, message, originalMessage } = cause as Record<string, unknown>;
    const isState = [code, originalCode].some((value) => typeof value === "string" && SQLSTATE.test(value));
    const said = originalMessage ?? message;
    if (isState && typeof said === "string") return said.split("\n")[0];
  }
  return undefined;
}

/** Five characters, of which the class has a digit; Prisma's codes (P2002) have another form than class P0 (P0001). */
const SQLSTATE = /^(?!P[1-9])(?=.?\d)[0-9A-Z]{5}$/;

/** Whether the statement was never sent, because too many others wait for a connection. */
export function isPoolBusy(error: unknown): boolean {
  return causesOf(error).some((cause) => cause instanceof PoolBusyError);
}

/** An error and what caused it. Prisma keeps what the driver said in `meta`. */
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

/** A name that an account has already. The triggers that keep names apart use the same words. */
export class IdentifierInUseError extends Error {
  constructor() {
    super("the identifier is in use");
  }
}

/** Whether a unique constraint, or a trigger that keeps the names of accounts apart, refused a write. */
export function isConflict(error: unknown): boolean {
  return hasState(error, "P2002", "23505") || String((error as Error).message).includes("the identifier is in use");
}

/** Whether a row that a write was about, or that it refers to, is not there (any more). */
export function isGone(error: unknown): boolean {
  return hasState(error, "P2025", "P2003", "23503");
}

/** Whether an error, or what caused it, has one of these codes of Prisma or PostgreSQL. */
function hasState(error: unknown, ...states: readonly string[]): boolean {
  return causesOf(error).some((cause) => {
    const { code, originalCode } = cause as { code?: unknown; originalCode?: unknown };
    return states.some((state) => state === code || state === originalCode);
  });
}
