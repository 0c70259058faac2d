import { OperatorError } from "./errors/operator-error.js";
import { isStoreUnavailable } from "./store/failure.js";

/**
 * Turns an unexpected error into one line for the operator. The message may quote written data, and the stack helps only
 * programmers. So they appear at the log levels `debug` and `trace` alone.
 * @param work the failed work, as the subject of the line
 * @param level the LOG_LEVEL
 */
export function inOneLine(error: unknown, work: string, level: string | undefined): unknown {
  if (error instanceof OperatorError || level === "debug" || level === "trace") return error;
  const { name = "error", code } = error as { name?: string; code?: unknown };
  const called = typeof code === "string" ? `${name} ${code}` : name;
  return new OperatorError(
    isStoreUnavailable(error)
      ? `the database did not carry this out in time (${called}); check the result and run ${work} again`
      : `${work} failed unexpectedly (${called}): LOG_LEVEL=debug shows where`,
  );
}
