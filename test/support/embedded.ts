import { startEmbedded as start, type EmbeddedOptions, type EmbeddedPostgres } from "../../src/embedded/index.js";

/** Starts the embedded PostgreSQL as a deployment does: it inherits from the environment of this process. */
export function startEmbedded(options: Omit<EmbeddedOptions, "environment">): Promise<EmbeddedPostgres> {
  return start({ ...options, environment: process.env });
}
