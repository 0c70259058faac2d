import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Phase, PhaseResult } from "./load.js";

/** Makes the folder of a measurement, and starts its load generator. @param cleanUps gets what ends both */
export async function prepare(cleanUps: (() => Promise<unknown>)[]) {
  const folder = await mkdtemp(join(tmpdir(), "jeton-bench-"));
  cleanUps.unshift(() => rm(folder, { recursive: true, force: true }));
  const generator = fork(new URL("./generator.js", import.meta.url));
  cleanUps.unshift(async () => generator.kill());
  const generate = (phase: Phase) =>
    new Promise<PhaseResult>((resolve) => {
      generator.once("message", (result) => resolve(result as PhaseResult));
      generator.send(phase);
    });
  return { folder, generate };
}
