import { destination, pino, type DestinationStream, type Logger as Log } from "pino";

export type { Log };

/**
 * The log: JSON lines on standard output, written asynchronously. Each line has the process id as its `instance`. Of a
 * request only the facts of http/decision.ts are logged: the serialisers for headers and URLs are off.
 * @param sink receives the lines instead of standard output
 */
export function openLog(
  level: string,
  sink: DestinationStream & { flushSync?(): void } = standardOutput(1),
): { readonly log: Log; readonly flush: () => void } {
  const log = pino(
    {
      level,
      base: { instance: `${process.pid}` },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { req: () => undefined, res: () => undefined, err: describeError },
    },
    sink,
  );
  return { log, flush: () => sink.flushSync?.() };
}

/**
 * Most characters of one write where several processes share standard output. A pipe keeps a write of up to 4,096 bytes
 * in one piece (PIPE_BUF of POSIX, on Linux). A write holds whole lines, and characters beyond ASCII take two to four bytes.
 */
const MAX_SHARED_WRITE = 2_048;

/** @param processes how many write to it at the same time */
export function standardOutput(processes: number) {
  return destination({ dest: 1, sync: false, ...(processes > 1 ? { maxWrite: MAX_SHARED_WRITE } : {}) });
}

/** Name, code and frames: the message of an unexpected error may quote the request. */
function describeError(error: Error & { code?: string }): object {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { name: error.name, code: error.code, frames };
}
