import pg from "pg";
import { ExpectedWait, type Monotonic, type Patience } from "../expected-wait.js";
import { SessionClient } from "./connection.js";

/** The caller of a statement. */
export interface Caller {
  /** Whether the caller has stopped waiting for the answer. */
  hasLeft(): boolean;
}

/** The expected wait for a connection is too long. */
export class PoolBusyError extends Error {
  override readonly name = "PoolBusyError";
}

/** The caller left before the work began. It did not begin. */
export class CallerLeftError extends Error {
  override readonly name = "CallerLeftError";
}

/** @throws CallerLeftError */
export function refuseIfLeft(caller: Caller | undefined): void {
  if (caller?.hasLeft()) throw new CallerLeftError("the caller left before the work was begun");
}

/** Longest expected wait for the first statement of a request, in milliseconds. */
const PATIENCE: Patience = { burst: 1_500, standing: 300 };

/**
 * Longest wait, expected or real, of any statement, in milliseconds. It exceeds PATIENCE, because most statements belong to
 * accepted requests. Giving up in the middle of a request wastes the work done so far.
 */
const MAX_WAIT = 3_000;

/** Milliseconds without an answer after which a connection counts as dead, once others were found dead. */
const MAX_SILENCE = 2_000;

/** The assumed time for which a connection is held until the first measurement, in milliseconds. */
const FIRST_HELD = 10;

type Lent = (error: Error | undefined, client: pg.PoolClient | undefined, release: (error?: unknown) => void) => void;

interface Waiting {
  readonly lent: Lent;
  readonly deadline: NodeJS.Timeout;
}

/**
 * A pool with a queue that is bounded by the expected wait: a statement that would wait too long fails at once. Prisma and the
 * named statements both use it, because both call `connect`.
 */
export class BoundedPool extends pg.Pool {
  readonly #size: number;
  readonly #expected: ExpectedWait;
  readonly #waiting: Waiting[] = [];
  readonly #out = new Set<pg.PoolClient>();
  /** Connections that are in use, or are being made for a waiting caller. */
  #lent = 0;

  constructor(config: pg.PoolConfig & { readonly max: number }, now: Monotonic = () => performance.now()) {
    super({ ...config, Client: SessionClient });
    this.#size = config.max;
    this.#expected = new ExpectedWait(config.max, PATIENCE, FIRST_HELD, now);
    this.on("release", (_error, client) => this.#takeBack(client));
  }

  /** Callers that wait for a connection. */
  get callersWaiting(): number {
    return this.#waiting.length;
  }

  /** Whether work that can wait may have a connection: another one stays free for the next request. */
  get hasSpare(): boolean {
    return this.#waiting.length === 0 && this.#lent < this.#size - 1;
  }

  /** Whether no further request should be accepted, because its first statement would wait too long. */
  get isCrowded(): boolean {
    return this.#expected.isTooLong(this.#waiting.length);
  }

  /**
   * Replaces the idle connections, and cuts those whose statement has had no answer for MAX_SILENCE. A half-open connection
   * (RFC 9293 section 3.5.1) looks like a quiet one, and each statement on it would wait until the limit. A request whose
   * connection is cut is answered with 503, and can be repeated.
   */
  renew(): void {
    for (const client of this.#out) (client as pg.PoolClient & SessionClient).cutIfSilent(MAX_SILENCE);
    // There is no client if others took the idle connections first, and gave none back for too long.
    for (let idle = this.idleCount; idle > 0; idle -= 1) super.connect((_error, client) => client?.release(true));
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
    // A connection whose caller has given up returns to the pool unused.
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
