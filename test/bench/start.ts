import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startEmbedded } from "../support/embedded.js";
import { cpuOf, residentMemoryOf } from "../jobs/cpu.js";
import { postmasterOf, startJeton, startServer, type ServerProcess } from "../jobs/server.js";
import type { Candidate } from "./candidates.js";
import { CLIENTS, DEPLOYMENT, PEOPLE, PROVISION } from "./deployment.js";
import { Database } from "./database.js";
import type { Phase, PhaseResult } from "./load.js";
import { Party } from "./party.js";

/** A candidate that runs in processes of its own, on a PostgreSQL of its own. */
export interface Running {
  readonly candidate: Candidate;
  readonly party: Party;
  readonly database: Database;
  /** Milliseconds of CPU so far: of the server's processes, and of PostgreSQL's. */
  readonly cpu: () => { readonly server: number; readonly postgres: number };
  /** Bytes of memory of the server's processes. */
  readonly memory: () => number;
  /** `memory` before the first request. */
  readonly idleMemory: number;
}

/** How a benchmark begins its candidates. `cleanUps` gets what ends each of them, the last one first. */
export interface Surroundings {
  readonly folder: string;
  readonly connections: number;
  readonly generate: (phase: Phase) => Promise<PhaseResult>;
  readonly cleanUps: (() => Promise<unknown>)[];
}

export async function start(
  candidate: Candidate,
  { folder, connections, generate, cleanUps }: Surroundings,
): Promise<Running> {
  const data = join(folder, candidate.name);
  await mkdir(data);
  const postgres = await startEmbedded({ dataDir: data, role: "server" });
  cleanUps.unshift(() => postgres.stop());
  const server = await startProgram(candidate, postgres.url, data);
  cleanUps.unshift(() => server.stop());
  const database = await Database.open(postgres.url, data);
  cleanUps.unshift(() => database.close());
  const postmaster = await postmasterOf(data);
  return {
    candidate,
    party: new Party(candidate, server.url, connections, generate),
    database,
    cpu: () => ({ server: cpuOf(server.pid), postgres: cpuOf(postmaster) }),
    memory: () => residentMemoryOf(server.pid),
    idleMemory: residentMemoryOf(server.pid),
  };
}

async function startProgram(
  { program, environment = {} }: Candidate,
  url: string,
  data: string,
): Promise<ServerProcess> {
  if (program !== undefined) {
    const deployment = JSON.stringify({ ...DEPLOYMENT, clients: CLIENTS, people: PEOPLE });
    return startServer(program, { ...environment, DATABASE_URL: url, BENCH_DEPLOYMENT: deployment });
  }
  const file = join(data, "provision.json");
  await writeFile(file, JSON.stringify(PROVISION));
  return startJeton({ ...environment, DATABASE_URL: url, PROVISION_FILE: file, LOG_LEVEL: "info" });
}
