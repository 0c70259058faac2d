import type { Clock } from "../clock.js";
import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import type { Db, Transaction } from "../store/open.js";
import {
  countTries,
  forgiveTries,
  lookAtTries,
  settleTries,
  takeTry,
  type Taken,
  type Tries,
  type TryRule,
} from "../store/tries.js";

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

/** Five free attempts, then a wait that doubles with each further one; the tenth locks the account for a while. */
const ACCOUNT: TryRule = { free: 5, delays: [1, 2, 4, 8, 16, 15 * MINUTE], window: DAY };

/** What attempts are counted on, and the limit of each (docs/decisions/0008). */
const RULES = {
  /** By sub. */
  account: ACCOUNT,
  /** A name without an account has the limit of an account, so that an attacker cannot tell the two apart. */
  name: ACCOUNT,
  /** A browser this account has logged in from before has a counter of its own, separate from the account's. */
  browser: ACCOUNT,
  /** Failed logins from one network (http/network.ts), for any account. Many people may share it: slowed, never shut out. */
  network: { free: 200, delays: [1, 2, 4, 8, 16, 30], window: 15 * MINUTE },
  /** Attempts refused unchecked, by network. Beyond the limit each counts as a failure of the network too. */
  "refused of a network": { free: 2000, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** People who register themselves from one network. */
  "registrations of a network": { free: 20, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** Clients that register themselves from one network. */
  "client registrations of a network": { free: 60, delays: [60 * MINUTE], window: 60 * MINUTE },
  /** Metadata documents of clients that are fetched for one network. */
  "client documents of a network": { free: 60, delays: [60 * MINUTE], window: 60 * MINUTE },
  /** Confirmation codes to one phone number or email address, with or without an account. */
  "codes to an address": { free: 3, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** Confirmation codes requested from one network. */
  "codes of a network": { free: 20, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** User codes of devices that were typed in one network and not found. Many people may share it: slowed, never shut out. */
  "user codes of a network": { free: 50, delays: [1, 2, 4, 8, 16, 30], window: 15 * MINUTE },
  /** The same over all networks. One attempt per second remains, so that an attack stops no user. */
  "user codes": { free: 5_000, delays: [1], window: 15 * MINUTE },
  /** Device codes for public clients from one network. Each leaves a row in the store. */
  "device codes of a network": { free: 200, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** Device codes for one confidential client, which may begin them for its users. */
  "device codes of a client": { free: 10_000, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** Requests that public clients push from one network. Each leaves a row in the store. */
  "pushed requests of a network": { free: 1_000, delays: [15 * MINUTE], window: 15 * MINUTE },
  /** JWTs and renewals of one device. Each leaves a row in the store. */
  "tokens of a device": { free: 100, delays: [MINUTE], window: 60 * MINUTE },
} as const satisfies Record<string, TryRule>;

/** A limit as operators see it. Times are seconds. */
interface DescribedLimit {
  readonly on: Counter["on"];
  readonly free_attempts: number;
  /** The waits after the free attempts; the last one repeats. */
  readonly waits: readonly number[];
  /** The time from the first attempt until all are forgotten. */
  readonly window: number;
}

/** Every limit. */
export function describeLimits(): readonly DescribedLimit[] {
  return Object.entries(RULES).map(([on, { free, delays, window }]) => {
    return { on: on as Counter["on"], free_attempts: free, waits: delays, window };
  });
}

/** One counter of attempts: its rule, and the account, name, browser, network, address or device it counts for. */
export interface Counter {
  readonly on: keyof typeof RULES;
  readonly id: string;
  /** The counter that this one belongs to. A reset of that one resets this one too. */
  readonly of?: Counter | undefined;
}

/** The state of a counter. */
interface CounterState {
  /** A counter that belongs to that of an account is that of a browser. */
  readonly on: Counter["on"];
  readonly attempts: number;
  /** `locked` begins with the last and longest wait of the rule. */
  readonly state: "free" | "slowed" | "locked";
  /** The time of the next attempt; null if it may be made now. */
  readonly blocked_until: Date | null;
  /** The time at which the attempts are forgotten. */
  readonly reset_at: Date;
}

/** Most counters of one account that are shown: one for each browser, and its own. */
const MAX_SHOWN = 100;

/** Rate limits on logins and other attempts, shared by all instances, dialects and pages. */
export class RateLimits {
  readonly #db: Db;
  readonly #master: MasterKey;
  readonly #clock: Clock;

  constructor(db: Db, master: MasterKey, clock: Clock) {
    this.#db = db;
    this.#master = master;
    this.#clock = clock;
  }

  /** Counts an attempt before it is checked. @returns its number, or the seconds until the next attempt is allowed */
  consume(counter: Counter): Promise<Taken> {
    const account = counter.on === "account" ? counter.id : undefined;
    return takeTry(this.#db, this.#key(counter), { rule: RULES[counter.on], account }, this.#clock.statement());
  }

  /** Counts an attempt where the caller may learn that the limit is reached. @throws Refusal tries_exhausted */
  async consumeOrThrow(counter: Counter): Promise<void> {
    const taken = await this.consume(counter);
    if ("count" in taken) return;
    throw new Refusal("tries_exhausted", { retryAfter: taken.wait, reason: `too many: ${counter.on}` });
  }

  /**
   * Counts an attempt only if `work` succeeds, so that replays are not counted.
   * @param work resolves to whether it succeeded
   * @throws Refusal tries_exhausted
   */
  async consumeIfSuccessful(counter: Counter, work: () => Promise<boolean>): Promise<boolean> {
    await this.consumeOrThrow(counter);
    const succeeded = await work();
    if (!succeeded) await this.refund(counter);
    return succeeded;
  }

  /** Takes the last attempt off a counter. */
  refund(counter: Counter): Promise<void> {
    return settleTries(this.#db, { giveBack: this.#key(counter) });
  }

  /** Sets a counter and those that belong to it to zero, and takes the last attempt off another, in one statement. */
  reset(counter: Counter, refunded?: Counter): Promise<void> {
    return settleTries(this.#db, {
      forget: this.#key(counter),
      giveBack: refunded && this.#key(refunded),
    });
  }

  /** The same as `reset` for an administrator, which the audit records. @returns whether any attempts were counted */
  forgive(counter: Counter, tx: Transaction): Promise<boolean> {
    const { on, id } = counter;
    const sub = on === "account" ? id : undefined;
    const client_id = on === "tokens of a device" || on === "device codes of a client" ? id : undefined;
    return forgiveTries(tx, this.#key(counter), { of: sub ?? client_id ?? on, sub, client_id });
  }

  /** The counter, and those that belong to it, without counting anything. */
  async look(counter: Counter): Promise<readonly CounterState[]> {
    const key = this.#key(counter);
    const now = this.#clock.statement();
    const found = await lookAtTries(this.#db, key, now, MAX_SHOWN);
    const time = this.#clock.now();
    return found.map((one) => stateOf(key.equals(one.key) ? counter.on : "browser", one, time));
  }

  /** The number of counters of all kinds, and of those that let no attempt through now. */
  count(): ReturnType<typeof countTries> {
    return countTries(this.#db, this.#clock.statement());
  }

  #key({ on, id, of }: Counter): Buffer {
    const own = this.#master.mac("tries", `${on}\n${id}`);
    return of === undefined ? own : Buffer.concat([this.#key(of), own]);
  }
}

function stateOf(on: Counter["on"], { count, blocked_until, reset_at }: Tries, now: number): CounterState {
  const isBlocked = blocked_until !== null && blocked_until.getTime() > now;
  const state = !isBlocked ? "free" : startsLock({ on, id: "" }, count) ? "locked" : "slowed";
  return { on, attempts: count, state, blocked_until: isBlocked ? blocked_until : null, reset_at };
}

/** Whether the attempt with this number, the first being 1, starts a lock. */
export function startsLock({ on }: Counter, count: number): boolean {
  const { free, delays } = RULES[on];
  return count >= free + delays.length - 1;
}
