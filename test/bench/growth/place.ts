import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { MasterKey } from "../../../src/keys/master-key.js";
import { writeRefreshToken } from "../../../src/tokens/refresh-token.js";
import { cpuOf } from "../../jobs/cpu.js";
import { postmasterOf, startJeton, startServer, type ServerProcess } from "../../jobs/server.js";
import { startEmbedded } from "../../support/embedded.js";
import { MASTER_KEY } from "../../support/run.js";
import { CANDIDATES } from "../candidates.js";
import { PROVISION } from "../deployment.js";
import type { Phase, PhaseResult } from "../load.js";
import { Party } from "../party.js";
import { fill, idOf, liveRows, sessionsOf } from "./fill.js";
import { writeModels } from "./models.js";
import { Weighing } from "./weighing.js";

const JETON = CANDIDATES[0]!;

/** The generation of the refresh token of every grant after the fill: that of the model (models.ts). */
const FIRST_GENERATION = 1;

/** A prime, so that neighbours in a list are far apart in the table. */
const STRIDE = 7_919;

/** How a measurement begins its places. `cleanUps` gets what ends each of them, the last one first. */
export interface Surroundings {
  readonly folder: string;
  readonly connections: number;
  readonly generate: (phase: Phase) => Promise<PhaseResult>;
  readonly cleanUps: (() => Promise<unknown>)[];
}

/** A deployment with so many grants: a server on a PostgreSQL of its own with its real settings, on the disk. */
export class Place {
  readonly master = new MasterKey(Buffer.from(MASTER_KEY, "base64url"));
  readonly tables: Weighing;
  readonly #live: readonly number[];
  readonly #liveSessions: readonly number[];
  readonly #generations = new Map<number, number>();
  #nextGrant = 0;
  #taken: readonly number[] = [];
  #nextSession = 0;
  #server: ServerProcess | undefined;
  #party: Party | undefined;

  private constructor(
    readonly grants: number,
    readonly client: pg.Client,
    private readonly postmaster: number,
    private readonly environment: Readonly<Record<string, string>>,
    private readonly surroundings: Surroundings,
  ) {
    this.tables = new Weighing(client);
    this.#live = liveRows(grants);
    this.#liveSessions = liveRows(sessionsOf(grants));
  }

  /** Makes a deployment in which the server writes one row of each kind, and then fills it with copies of these rows. */
  static async make(grants: number, surroundings: Surroundings): Promise<Place> {
    const { folder, cleanUps } = surroundings;
    const data = join(folder, String(grants));
    await mkdir(data);
    const file = join(data, "provision.json");
    await writeFile(file, JSON.stringify(PROVISION));
    const postgres = await startEmbedded({ dataDir: data, role: "server" });
    cleanUps.unshift(() => postgres.stop());
    const client = new pg.Client(postgres.url);
    // The next statement fails with the same fault. Without a listener, the fault would end the process without cleaning up.
    client.on("error", () => {});
    await client.connect();
    cleanUps.unshift(() => client.end());
    const environment = { DATABASE_URL: postgres.url, PROVISION_FILE: file, LOG_LEVEL: "info" };
    const place = new Place(grants, client, await postmasterOf(data), environment, surroundings);
    cleanUps.unshift(() => place.stop());
    await place.start();
    const models = await writeModels(place.party, client);
    await place.stop();
    const hashes = place.#liveSessions.map((n) => place.master.mac("cookie", idOf("cookie", n)));
    await fill(client, grants, models, hashes);
    await place.start();
    return place;
  }

  get party(): Party {
    return this.#party!;
  }

  /** Grants that have expired. */
  get expired(): number {
    return this.grants - this.#live.length;
  }

  /** Starts the server. @param program another program than the server's own */
  async start(program?: string): Promise<void> {
    const { connections, generate } = this.surroundings;
    const { environment } = this;
    this.#server = await (program === undefined
      ? startJeton(environment)
      : startServer(program, { MASTER_KEY, ...environment }));
    this.#party = new Party(JETON, this.#server.url, connections, generate);
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Milliseconds of CPU so far. */
  cpu(): { readonly server: number; readonly postgres: number } {
    return { server: cpuOf(this.#server!.pid), postgres: cpuOf(this.postmaster) };
  }

  /** The numbers of live grants, each of which comes again only after all others. */
  takeGrants(count: number): readonly number[] {
    const take = () => this.#live[(this.#nextGrant++ * STRIDE) % this.#live.length]!;
    this.#taken = Array.from({ length: count }, take);
    return this.#taken;
  }

  /** The grants that were taken last. */
  get taken(): readonly number[] {
    return this.#taken;
  }

  /** The cookies of live sessions, each of which comes again only after all others. */
  takeSessions(count: number): readonly string[] {
    const next = () => this.#liveSessions[(this.#nextSession++ * STRIDE) % this.#liveSessions.length]!;
    return Array.from({ length: count }, () => idOf("cookie", next()));
  }

  /** The refresh tokens of grants, to be sent in this order. A grant that comes twice has the next one the second time. */
  refreshTokens(grants: readonly number[]): readonly string[] {
    return grants.map((n) => {
      const token = this.tokenOf(n);
      this.#generations.set(n, this.#generationOf(n) + 1);
      return token;
    });
  }

  /** The current refresh token of a grant. */
  tokenOf(n: number): string {
    return writeRefreshToken(this.master, { grant_id: idOf("grant", n), generation: this.#generationOf(n) });
  }

  #generationOf(n: number): number {
    return this.#generations.get(n) ?? FIRST_GENERATION;
  }
}
