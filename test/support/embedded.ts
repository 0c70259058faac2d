import { startEmbedded as start } from "../../src/embedded/index.js";

/** Starts the embedded PostgreSQL as a deployment does: it inherits from the environment of this process. */
export function startEmbedded(options: Omit<Parameters<typeof start>[0], "environment">): ReturnType<typeof start> {
  return start({ ...options, environment: process.env });
}
