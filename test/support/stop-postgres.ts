import { rm } from "node:fs/promises";
import { startEmbedded } from "./embedded.js";

/** Stops the PostgreSQL of a run, if it still runs, and removes its folder. */
export async function stopPostgres(dataDir: string): Promise<void> {
  const postgres = await startEmbedded({ dataDir, role: "server" }).catch(() => undefined);
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
}
