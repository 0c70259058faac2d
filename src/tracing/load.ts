import { readFileSync } from "node:fs";
import type { FastifyBaseLogger } from "fastify";
import { OperatorError } from "../errors/operator-error.js";
import type { Tracing } from "./tracing.js";

/**
 * Loads what makes traces, if they have a receiver. Its packages are not part of an installation.
 * @throws OperatorError if they are missing
 */
export async function loadTracing(endpoint: string | undefined, log: FastifyBaseLogger): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const { openTracing } = await import("./tracing.js").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new OperatorError(
      `OTEL_EXPORTER_OTLP_ENDPOINT needs packages that are not installed: npm install --no-save --save-prod ${packages().join(" ")}`,
    );
  });
  return openTracing(endpoint, log);
}

/** The packages that traces need, each with the version that is tested. */
function packages(): readonly string[] {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { peerDependencies } = JSON.parse(manifest) as { peerDependencies: Readonly<Record<string, string>> };
  return Object.entries(peerDependencies).map(([name, version]) => `${name}@${version}`);
}
