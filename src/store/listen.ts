import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Availability } from "./availability.js";
import { dialTo, type Dial, type Line } from "./line.js";

/**
 * What instances tell each other. Triggers on the tables (prisma/migrations) notify whoever listens that a client, a
 * scope or the key ring changed, so an instance may keep what it read. It may do so only as long as it can be sure of
 * hearing: `alive` says whether it can, and a cache believes nothing older than TRUST where it cannot.
 */

/** Milliseconds for which a cached thing is believed without a sign of life from the database. */
const TRUST = 1_000;

/** Milliseconds between two signs of life; several fit into TRUST so that one late answer costs nothing. */
const HEARTBEAT = 300;

/** Milliseconds between two tries to get a broken connection back. */
const RETRY = 250;

const CHANNEL = "jeton_changed";

interface Change {
  readonly kind: "client" | "scopes" | "keys";
  readonly id: string;
}

export interface ChangeFeed {
  /** Calls back for every change, and with null when changes may have been missed. */
  subscribe(hear: (change: Change | null) => void): void;
  /** Whether what was read at `readAt` (monotonic milliseconds) and not changed since may still be believed. */
  trusts(readAt: number): boolean;
  /** Whether the database answered within TRUST. */
  alive(): boolean;
  close(): Promise<void>;
}

/** For a process that ends before anything it read could grow old: a command. */
export const NO_CHANGE_FEED: ChangeFeed = {
  subscribe: () => {},
  trusts: () => false,
  alive: () => true,
  close: async () => {},
};

/** What a feed stands on: a test drives all three. */
interface FeedParts {
  readonly dial: Dial;
  /** What is asked as a sign of life. */
  readonly availability: Pick<Availability, "beat">;
  /** Resolves after the milliseconds, and as soon as the signal is aborted. */
  readonly pause: (milliseconds: number, until: AbortSignal) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
}

/** Listens on a connection of its own; the first one must succeed, later ones are tried until they do. */
export function listen(url: string, availability: Availability): Promise<ChangeFeed> {
  return listenBy({ dial: dialTo(url, CHANNEL), availability, pause, elapsed: () => performance.now() });
}

/** The same over whatever parts. */
export async function listenBy(parts: FeedParts): Promise<ChangeFeed> {
  const feed = new Feed(parts);
  await feed.open();
  return feed;
}

async function pause(milliseconds: number, until: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal: until, ref: false }).catch(() => {});
}

/**
 * One loop owns the connection: it gets one, listens on it until it is over, rests and begins again. Nothing else opens
 * or replaces a connection, and no event starts work of its own: what happens during an `await` only ends a signal that
 * the loop looks at next. So there is never a second connection, and never none that nobody is working on.
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

  /** @throws when there is no connection to be had, or it ends before its first sign of life */
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

  /** Stays with a line for as long as it lives. */
  async #attend(line: Line): Promise<void> {
    while (!this.#closed.signal.aborted && (await this.#beat(line))) await this.#parts.pause(HEARTBEAT, line.over);
    await this.#leave(line);
  }

  async #connect(): Promise<Line> {
    const line = await this.#parts.dial((payload) => this.#tell(parse(payload)), this.#closed.signal);
    this.#line = line;
    // Until its first sign of life it is not believed; what was missed before it listened is said at once.
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#tell(null);
    return line;
  }

  /** Asks for a sign of life. @returns whether the line still lives */
  async #beat(line: Line): Promise<boolean> {
    const askedAt = this.#parts.elapsed();
    try {
      await this.#parts.availability.beat(line.ask);
    } catch (error) {
      // "I cannot" is an answer too: a read-only or full database still says what changed.
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
  return kind === "client" || kind === "scopes" || kind === "keys" ? { kind, id: rest.join(":") } : null;
}
