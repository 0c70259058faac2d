import pg from "pg";
import { ExpectedWait, type Monotonic, type Patience } from "../expected-wait.js";
import { SessionClient } from "./connection.js";

/** Who a statement is run for. */
export interface Caller {
  /** Whether nobody waits for the answer any more. */
  hasLeft(): boolean;
}

/** The queue for connections is longer than anybody is let wait. */
export class PoolBusyError extends Error {
  override readonly name = "PoolBusyError";
}

/** The caller left before the work was begun. It was not begun. */
export class CallerLeftError extends Error {
  override readonly name = "CallerLeftError";
}

/** @throws CallerLeftError */
export function refuseIfLeft(caller: Caller | undefined): void {
  if (caller?.hasLeft()) throw new CallerLeftError("the caller left before the work was begun");
}

/** Milliseconds that the first statement of a request may be expected to wait for a connection. */
const PATIENCE: Patience = { burst: 1_500, standing: 300 };

/**
 * Milliseconds that any statement waits, and may be expected to wait. It is more than PATIENCE: most statements belong to
 * requests that were taken, and to give up in the middle of one wastes what was done for it.
 */
const MAX_WAIT = 3_000;

/** Milliseconds without an answer after which a connection is taken for dead, where others were found dead. */
const MAX_SILENCE = 2_000;

/** What a connection is taken to be held for until it was measured, in milliseconds. */
const FIRST_HELD = 10;

type Lent = (error: Error | undefined, client: pg.PoolClient | undefined, release: (error?: unknown) => void) => void;

interface Waiting {
  readonly lent: Lent;
  readonly deadline: NodeJS.Timeout;
}

/**
 * The connections, with a queue before them that is bounded by the time it takes: who would wait too long hears so at once.
 * Prisma and the named statements both come here, because both ask by `connect`.
 */
export class BoundedPool extends pg.Pool {
  readonly #size: number;
  readonly #expected: ExpectedWait;
  readonly #waiting: Waiting[] = [];
  readonly #out = new Set<pg.PoolClient>();
  /** Connections that are out, or are being made for somebody. */
  #lent = 0;

  constructor(config: pg.PoolConfig & { readonly max: number }, now: Monotonic = () => performance.now()) {
    super({ ...config, Client: SessionClient });
    this.#size = config.max;
    this.#expected = new ExpectedWait(config.max, PATIENCE, FIRST_HELD, now);
    this.on("release", (_error, client) => this.#takeBack(client));
  }

  /** Whether no further request should be taken: its first statement would wait too long. */
  get isCrowded(): boolean {
    return this.#expected.isTooLong(this.#waiting.length);
  }

  /**
   * Replaces the connections that nobody uses, and cuts those whose statement has had no answer for MAX_SILENCE. One that was
   * cut off without a word looks like a quiet one (half-open, RFC 9293 section 3.5.1), and each statement on it would wait
   * for its answer until the limit. What is cut is answered 503, and may be repeated.
   */
  renew(): void {
    for (const client of this.#out) (client as pg.PoolClient & SessionClient).cutIfSilent(MAX_SILENCE);
    for (let idle = this.idleCount; idle > 0; idle -= 1) super.connect((_error, _client, release) => release(true));
  }

  /** Lends a connection, at once or after a bounded wait. @throws PoolBusyError, or what connecting throws */
  override connect(): Promise<pg.PoolClient>;
  override connect(lent: Lent): void;
  override connect(lent?: Lent): Promise<pg.PoolClient> | void {
    if (lent !== undefined) return this.#ask(lent);
    return new Promise((resolve, reject) => {
      this.#ask((error, client) => (client === undefined ? reject(error!) : resolve(client)));
    });
  }

  #ask(lent: Lent): void {
    if (this.#lent < this.#size) return this.#lend(lent);
    if (this.#expected.behind(this.#waiting.length) > MAX_WAIT) return this.#refuse(lent);
    const waiting: Waiting = { lent, deadline: setTimeout(() => this.#giveUp(waiting), MAX_WAIT).unref() };
    this.#waiting.push(waiting);
  }

  #lend(lent: Lent): void {
    this.#lent += 1;
    super.connect((error, client, release) => {
      if (client === undefined) {
        this.#lent -= 1;
        this.#serveNext();
      } else {
        this.#out.add(client);
        this.#expected.begin(client);
      }
      lent(error, client, release);
    });
  }

  #takeBack(client: pg.PoolClient): void {
    // One that was made for somebody who had given up comes back without having been out.
    if (!this.#out.delete(client)) return;
    this.#expected.end(client);
    this.#lent -= 1;
    this.#serveNext();
  }

  #serveNext(): void {
    if (this.#lent >= this.#size) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    clearTimeout(next.deadline);
    this.#lend(next.lent);
  }

  #giveUp(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#refuse(waiting.lent);
  }

  #refuse(lent: Lent): void {
    process.nextTick(lent, new PoolBusyError("too many statements wait for a connection"), undefined, () => {});
  }
}
