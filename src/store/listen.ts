import type pg from "pg";
import { SessionClient } from "./connection.js";

/**
 * What instances tell each other. Triggers on the tables (prisma/migrations) notify whoever listens that a client, a
 * scope or the key ring changed, so an instance may keep what it read. It may do so only as long as it can be sure of
 * hearing: `deaf` says since when it cannot, and a cache believes nothing older than TRUST from then on.
 */

/** Milliseconds for which a cached thing is believed without a sign of life from the database (contract, "How soon"). */
export const TRUST = 1_000;

/** Milliseconds between two signs of life; several fit into TRUST so that one late answer costs nothing. */
const HEARTBEAT = 300;

/** Milliseconds between two tries to get a broken connection back. */
const RETRY = 250;

const CHANNEL = "jeton_changed";

/** What PostgreSQL calls the connection of a server that listens: each running server has one (store/restore.ts). */
export const LISTENING = "jeton listen";

export interface Change {
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
export const DEAF: ChangeFeed = { subscribe: () => {}, trusts: () => false, alive: () => true, close: async () => {} };

/** Listens on a connection of its own; the first one must succeed, later ones are tried until they do. */
export async function listen(url: string): Promise<ChangeFeed> {
  const feed = new Feed(url);
  try {
    await feed.connect();
  } catch (error) {
    await feed.close();
    throw error;
  }
  return feed;
}

class Feed implements ChangeFeed {
  readonly #url: string;
  readonly #listeners: ((change: Change | null) => void)[] = [];
  #client: pg.Client | undefined;
  #connecting: pg.Client | undefined;
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string) {
    this.#url = url;
  }

  async connect(): Promise<void> {
    const client = new SessionClient({
      connectionString: this.#url,
      application_name: LISTENING,
      connectionTimeoutMillis: 2_000,
      query_timeout: 2_000,
      keepAlive: true,
    });
    this.#connecting = client;
    client.on("error", () => this.#lost(client));
    client.on("end", () => this.#lost(client));
    client.on("notification", ({ payload }) => this.#tell(parse(payload ?? "")));
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      this.#lost(client);
      throw error;
    }
    this.#client = client;
    this.#connecting = undefined;
    this.#heardAt = performance.now();
    this.#tell(null);
    this.#schedule(() => this.#beat(client), HEARTBEAT);
  }

  subscribe(hear: (change: Change | null) => void): void {
    this.#listeners.push(hear);
  }

  trusts(readAt: number): boolean {
    return this.alive() || performance.now() - readAt < TRUST;
  }

  alive(): boolean {
    return this.#client !== undefined && performance.now() - this.#heardAt < TRUST;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => {});
  }

  async #beat(client: pg.Client): Promise<void> {
    const askedAt = performance.now();
    try {
      await client.query("SELECT 1");
      this.#heardAt = askedAt;
      this.#schedule(() => this.#beat(client), HEARTBEAT);
    } catch {
      this.#lost(client);
    }
  }

  #lost(client: pg.Client): void {
    // An earlier connection may say late that it has ended; only the present one, or the one being made, matters.
    if (this.#closed || (client !== this.#client && client !== this.#connecting)) return;
    client.end().catch(() => {});
    this.#client = undefined;
    this.#connecting = undefined;
    this.#schedule(() => this.connect().catch(() => {}), RETRY);
  }

  #schedule(work: () => Promise<void>, delay: number): void {
    clearTimeout(this.#timer);
    if (!this.#closed) this.#timer = setTimeout(() => void work(), delay).unref();
  }

  #tell(change: Change | null): void {
    for (const hear of this.#listeners) hear(change);
  }
}

function parse(payload: string): Change | null {
  const [kind, ...rest] = payload.split(":");
  return kind === "client" || kind === "scopes" || kind === "keys" ? { kind, id: rest.join(":") } : null;
}
