import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Availability } from "./availability.js";
import { dialTo, type Dial, type Line } from "./line.js";

/**
 * The change feed of an instance. Triggers on the tables (prisma/migrations) notify all listeners of changes to clients, scopes
 * and the key ring, so an instance may cache them. Cached values are trusted while the LISTEN connection is alive. Once it is
 * lost, only values younger than TRUST are.
 */

/** Milliseconds for which cached values are trusted without a sign of life from the database (docs/decisions/0004). */
const TRUST = 1_000;

/** Milliseconds between two signs of life. Several fit into TRUST, so that one late answer does no harm. */
const HEARTBEAT = 300;

/** Milliseconds between two attempts to reconnect. */
const RETRY = 250;

const CHANNEL = "jeton_changed";

const KINDS = ["client", "scopes", "keys", "logouts", "jobs"] as const;

interface Change {
  readonly kind: (typeof KINDS)[number];
  readonly id: string;
}

export interface ChangeFeed {
  /** Calls back for every change, and with null if changes may have been missed. */
  subscribe(hear: (change: Change | null) => void): void;
  /** Whether a value that was read at `readAt` (monotonic milliseconds) and not reported as changed may still be trusted. */
  trusts(readAt: number): boolean;
  /** Whether the database answered within TRUST. */
  alive(): boolean;
  close(): Promise<void>;
}

/** A feed that never notifies: for a command, which ends before its cached values grow old. */
export const NO_CHANGE_FEED: ChangeFeed = {
  subscribe: () => {},
  trusts: () => false,
  alive: () => true,
  close: async () => {},
};

/** The dependencies of a feed, all of which a test can replace. */
interface FeedParts {
  readonly dial: Dial;
  /** Runs the statement that serves as the sign of life. */
  readonly availability: Pick<Availability, "beat">;
  /** Resolves after the milliseconds, or as soon as the signal is aborted. */
  readonly pause: (milliseconds: number, until: AbortSignal) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
}

/** Listens on a connection of its own. The first attempt must succeed; later ones are repeated. */
export function listen(url: string, availability: Availability): Promise<ChangeFeed> {
  return listenBy({ dial: dialTo(url, CHANNEL), availability, pause, elapsed: () => performance.now() });
}

/** The same with given dependencies. */
export async function listenBy(parts: FeedParts): Promise<ChangeFeed> {
  const feed = new Feed(parts);
  await feed.open();
  return feed;
}

async function pause(milliseconds: number, until: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: until, ref: false }).catch(() => {});
}

/**
 * One loop owns the connection: it connects, listens until the connection ends, pauses and begins again. Nothing else opens or
 * replaces a connection. An event during an `await` only aborts a signal, which the loop checks next. So there is never a
 * second connection, and the loop always works on a missing one.
 */
class Feed implements ChangeFeed {
  readonly #parts: FeedParts;
  readonly #listeners: ((change: Change | null) => void)[] = [];
  readonly #closed = new AbortController();
  /** The connection that listens; undefined while there is none. */
  #line: Line | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** @throws if the connection fails, or ends before its first sign of life */
  async open(): Promise<void> {
    const line = await this.#connect();
    if (!(await this.#beat(line))) {
      await this.#leave(line);
      throw new Error("Connection terminated: the listening connection ended at once");
    }
    this.#loop = this.#run(line);
  }

  subscribe(hear: (change: Change | null) => void): void {
    this.#listeners.push(hear);
  }

  trusts(readAt: number): boolean {
    return this.alive() || this.#parts.elapsed() - readAt < TRUST;
  }

  alive(): boolean {
    return this.#line?.over.aborted === false && this.#parts.elapsed() - this.#heardAt < TRUST;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#line?.end();
    await this.#loop;
  }

  async #run(first: Line): Promise<void> {
    const { signal } = this.#closed;
    for (let line: Line | undefined = first; ; line = await this.#connect().catch(() => undefined)) {
      if (line !== undefined) await this.#attend(line);
      if (signal.aborted) return;
      await this.#parts.pause(RETRY, signal);
      if (signal.aborted) return;
    }
  }

  /** Uses a line until it ends. */
  async #attend(line: Line): Promise<void> {
    while (!this.#closed.signal.aborted && (await this.#beat(line))) await this.#parts.pause(HEARTBEAT, line.over);
    await this.#leave(line);
  }

  async #connect(): Promise<Line> {
    const line = await this.#parts.dial((payload) => this.#tell(parse(payload)), this.#closed.signal);
    this.#line = line;
    // The line is not trusted before its first sign of life. Changes that were missed before it are reported at once.
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#tell(null);
    return line;
  }

  /** Requests a sign of life. @returns whether the line is still alive */
  async #beat(line: Line): Promise<boolean> {
    const askedAt = this.#parts.elapsed();
    try {
      await this.#parts.availability.beat(line.ask);
    } catch (error) {
      // An error of the database is a sign of life too: a read-only or full database still notifies.
      if (!(error instanceof pg.DatabaseError)) return false;
    }
    this.#heardAt = askedAt;
    return !line.over.aborted;
  }

  async #leave(line: Line): Promise<void> {
    this.#line = undefined;
    await line.end();
  }

  #tell(change: Change | null): void {
    for (const hear of this.#listeners) hear(change);
  }
}

function parse(payload: string): Change | null {
  const [kind, ...rest] = payload.split(":");
  return isKind(kind) ? { kind, id: rest.join(":") } : null;
}

function isKind(text: string | undefined): text is Change["kind"] {
  return KINDS.some((kind) => kind === text);
}
