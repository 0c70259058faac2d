import { destination, pino, type DestinationStream, type Logger as Log } from "pino";

export type { Log };

/**
 * The log: JSON lines on standard output, written asynchronously. Of a request only the facts of http/decision.ts are
 * logged: the serialisers for headers and URLs are off.
 * @param sink receives the lines instead of standard output
 */
export function openLog(
  level: string,
  sink: DestinationStream & { flushSync?(): void } = destination({ dest: 1, sync: false }),
): { readonly log: Log; readonly flush: () => void } {
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { req: () => undefined, res: () => undefined, err: describeError },
    },
    sink,
  );
  return { log, flush: () => sink.flushSync?.() };
}

/** Name, code and frames: the message of an unexpected error may quote the request. */
function describeError(error: Error & { code?: string }): object {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { name: error.name, code: error.code, frames };
}
