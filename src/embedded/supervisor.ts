import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../errors/error-code.js";
import type { ClusterGuard } from "../store/cluster-guard.js";
import { release } from "./acquire-lock.js";
import type { DataDir } from "./data-dir.js";
import { OwnedElsewhereError } from "./error.js";
import { obtain, type Obtained } from "./obtain.js";
import { livingPostmaster } from "./pid-file.js";
import { shutdown } from "./postmaster.js";
import { probe } from "./probe.js";

const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 5_000;

interface SupervisorOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Receives one line for each crash and recovery. */
  readonly report: (message: string) => void;
}

/** Keeps a server's PostgreSQL running and owned, on the same port, until it is stopped. */
export class Supervisor {
  readonly #abort = new AbortController();
  readonly #aborted: Promise<void>;
  readonly #watching: Promise<void>;
  readonly #port: number;
  /** Undefined while the connection to PostgreSQL is lost. */
  #guard: ClusterGuard | undefined;
  #isOwnedElsewhere = false;

  constructor(
    private readonly dir: DataDir,
    { guard, port }: Obtained,
    private readonly options: SupervisorOptions,
  ) {
    this.#guard = guard;
    this.#port = port;
    this.#aborted = new Promise((resolve) => this.#abort.signal.addEventListener("abort", () => resolve()));
    this.#watching = this.#watch();
  }

  /** Ends the watch and stops PostgreSQL, unless another server owns it by now. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#watching;
    if (this.#guard !== undefined) await release(this.dir, "server", this.#guard);
    else if (!this.#isOwnedElsewhere) await this.#stopLost();
  }

  /** Stops PostgreSQL without a connection of ours. Only its lock tells whether another server owns it by now. */
  async #stopLost(): Promise<void> {
    const found = await probe(this.dir, "server").catch(() => undefined);
    if (found?.state !== "running") return shutdown(this.dir);
    if (await found.guard.acquire().catch(() => false)) return release(this.dir, "server", found.guard);
    await found.guard.close();
  }

  async #watch(): Promise<void> {
    while (this.#guard !== undefined) {
      await Promise.race([this.#guard.lost, this.#aborted]);
      if (this.#abort.signal.aborted) return;
      this.#guard = undefined;
      this.#guard = await this.#regain();
    }
  }

  /** Retries without an end, because even a full disk is emptied some day. @returns undefined if the supervisor is stopped */
  async #regain(): Promise<ClusterGuard | undefined> {
    const { environment, report } = this.options;
    const { signal } = this.#abort;
    let reported = await this.#describeLoss();
    report(reported);
    for (let pause = MIN_PAUSE_MS; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      try {
        const deadline = { at: Infinity, signal };
        const { guard } = await obtain(this.dir, { role: "server", deadline, environment, port: this.#port });
        this.#isOwnedElsewhere = false;
        report("the embedded PostgreSQL answers again");
        return guard;
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#isOwnedElsewhere = error instanceof OwnedElsewhereError;
        // Each cause is reported once, not with every attempt.
        if (messageOf(error) !== reported) report((reported = messageOf(error)));
      }
      await delay(pause, undefined, { signal }).catch(() => {});
    }
  }

  async #describeLoss(): Promise<string> {
    const postmaster = await livingPostmaster(this.dir).catch(() => undefined);
    return postmaster === undefined
      ? "the embedded PostgreSQL died and is being started again"
      : "the embedded PostgreSQL ended its connections; waiting until it answers again";
  }
}
