import type { Clock } from "../clock.js";
import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import type { Db } from "../store/open.js";
import { settleTries, takeTry, type Taken, type TryRule } from "../store/tries.js";

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** Five cost nothing, each further one waits twice as long as the one before, and the tenth locks for a while. */
const ACCOUNT: TryRule = { free: 5, delays: [1, 2, 4, 8, 16, 15 * MINUTE], window: DAY };

/** What tries are counted on, and how many there are (docs/decisions/0008). */
const RULES = {
  /** By sub. */
  account: ACCOUNT,
  /** A name nobody has: it behaves as one that somebody has. */
  name: ACCOUNT,
  /** A browser in which its person logged in before: a stranger's tries are not counted on it, nor its own on theirs. */
  browser: ACCOUNT,
  /** Where failed logins come from (http/network.ts), whoever they are for. Many people may share it: slowed, never shut. */
  network: { free: 200, delays: [1, 2, 4, 8, 16, 30], window: 15 * MINUTE },
  /** What is refused unchecked, from where: more of it than people cause counts as failures of the network. */
  "refused of a network": { free: 2000, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** People who register themselves from one network. */
  "registrations of a network": { free: 20, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** Confirmation codes to one number or email, whether anybody has it or not. */
  "codes to an address": { free: 3, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** Confirmation codes asked for from one network. */
  "codes of a network": { free: 20, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** JWTs and renewals of one device, each of which leaves something in the store. */
  "tokens of a device": { free: 100, delays: [MINUTE], window: 60 * MINUTE },
} as const satisfies Record<string, TryRule>;

/** One thing that tries are counted on. */
export interface Counted {
  readonly on: keyof typeof RULES;
  readonly id: string;
  /** What it is a part of: tries of that are forgotten together with its own. */
  readonly of?: Counted;
}

/** Counts the tries of whoever may be guessing, in one place for all instances and doors. */
export class Guessing {
  readonly #db: Db;
  readonly #master: MasterKey;
  readonly #clock: Clock;

  constructor(db: Db, master: MasterKey, clock: Clock) {
    this.#db = db;
    this.#master = master;
    this.#clock = clock;
  }

  /** Takes a try before anything is checked; it is gone unless it is given back. */
  take(counted: Counted): Promise<Taken> {
    return takeTry(this.#db, this.#key(counted), RULES[counted.on], this.#clock.statement());
  }

  /** Takes a try, where it is no secret that there is none. @throws Refusal tries_exhausted */
  async demand(counted: Counted): Promise<void> {
    const taken = await this.take(counted);
    if ("wait" in taken) {
      const reason = `too many: ${counted.on}`;
      throw new Refusal("tries_exhausted", { retryAfter: taken.wait, reason });
    }
  }

  /**
   * Takes a try for something of which only what succeeds is to count: whoever repeats what was used up takes none.
   * @param work says whether it succeeded
   * @throws Refusal tries_exhausted
   */
  async spend(counted: Counted, work: () => Promise<boolean>): Promise<boolean> {
    await this.demand(counted);
    const succeeded = await work();
    if (!succeeded) await this.settle({ giveBack: counted });
    return succeeded;
  }

  /** Forgets the tries of one and of its parts, and gives another its last one back. */
  settle({ forget, giveBack }: { readonly forget?: Counted; readonly giveBack?: Counted }): Promise<void> {
    return settleTries(this.#db, {
      ...(forget === undefined ? {} : { forget: this.#key(forget) }),
      ...(giveBack === undefined ? {} : { giveBack: this.#key(giveBack) }),
    });
  }

  #key({ on, id, of }: Counted): Buffer {
    const own = this.#master.mac("tries", `${on}\n${id}`);
    return of === undefined ? own : Buffer.concat([this.#key(of), own]);
  }
}

/** Whether this many tries, the first being 1, are so many that a lock begins. */
export function beginsLock({ on }: Counted, count: number): boolean {
  const { free, delays } = RULES[on];
  return count >= free + delays.length - 1;
}
