import { destination, pino, type DestinationStream, type Logger as Log } from "pino";

export type { Log };

/**
 * The log: JSON lines on standard output, written without waiting for whoever reads them. Nothing of a request is logged
 * but what http/decision.ts names; the serialisers that would print headers and URLs are off.
 * @param sink takes the lines instead of standard output
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

/** Name, code and frames: messages of unexpected errors may quote what somebody sent. */
function describeError(error: Error & { code?: string }): object {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return { name: error.name, code: error.code, frames };
}
