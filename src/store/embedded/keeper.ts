import { setTimeout as delay } from "node:timers/promises";
import { letGo } from "./claim.js";
import { messageOf, OwnedElsewhereError } from "./error.js";
import type { Guard } from "./guard.js";
import { look } from "./look.js";
import { obtain } from "./obtain.js";
import type { Obtained } from "./obtain.js";
import { livingPostmaster } from "./pidfile.js";
import type { Place } from "./place.js";
import { shutdown } from "./postmaster.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Keeps a server's PostgreSQL running and owned, on the same port, until it is stopped. */
export class Keeper {
  readonly #abort = new AbortController();
  readonly #aborted: Promise<void>;
  readonly #watching: Promise<void>;
  readonly #port: number;
  /** Undefined while the database is lost. */
  #guard: Guard | undefined;
  #takenByOther = false;

  constructor(
    private readonly place: Place,
    { guard, port }: Obtained,
    private readonly report: (message: string) => void,
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
    if (this.#guard !== undefined) await letGo(this.place, "server", this.#guard);
    else if (!this.#takenByOther) await this.#stopLost();
  }

  /** While it was lost another server may have come to own it: then it is that one's, which only its lock tells. */
  async #stopLost(): Promise<void> {
    const seen = await look(this.place, "server").catch(() => undefined);
    if (seen?.state !== "running") return shutdown(this.place);
    if (await seen.guard.take().catch(() => false)) return letGo(this.place, "server", seen.guard);
    await seen.guard.close();
  }

  async #watch(): Promise<void> {
    while (this.#guard !== undefined) {
      await Promise.race([this.#guard.lost, this.#aborted]);
      if (this.#abort.signal.aborted) return;
      this.#guard = undefined;
      this.#guard = await this.#regain();
    }
  }

  /** However long it takes: a full disk is emptied some day. @returns undefined when stopped meanwhile */
  async #regain(): Promise<Guard | undefined> {
    const { signal } = this.#abort;
    let said = await this.#describeLoss();
    this.report(said);
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const patience = { deadline: Infinity, signal };
        const { guard } = await obtain(this.place, { role: "server", patience, port: this.#port });
        this.#takenByOther = false;
        this.report("the embedded PostgreSQL answers again");
        return guard;
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#takenByOther = error instanceof OwnedElsewhereError;
        // Once, not with every try.
        if (messageOf(error) !== said) this.report((said = messageOf(error)));
      }
      await delay(pause, undefined, { signal }).catch(() => {});
    }
  }

  async #describeLoss(): Promise<string> {
    const lives = await livingPostmaster(this.place).catch(() => undefined);
    return lives === undefined
      ? "the embedded PostgreSQL died and is being started again"
      : "the embedded PostgreSQL ended its connections; waiting until it answers again";
  }
}
