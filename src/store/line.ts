import { Socket } from "node:net";
import { SessionClient } from "./connection.js";

/** The connection on which an instance listens and marks itself in service (listen.ts, availability.ts). */
export interface Line {
  /** Aborted as soon as the connection has ended, for any reason. */
  readonly over: AbortSignal;
  /**
   * Runs one statement and returns its rows.
   * @throws pg.DatabaseError if the server refused it; any other error means that there was no answer
   */
  ask: Ask;
  /** Ends the connection. It has ended when the promise resolves, after MAX_GOODBYE at the latest. Never rejects. */
  end(): Promise<void>;
}

export type Ask = (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/**
 * Opens a line that listens.
 * @param hear called with the payload of each notification
 * @param given_up ends the attempt
 * @throws if the connection fails; nothing of it is left then
 */
export type Dial = (hear: (payload: string) => void, given_up: AbortSignal) => Promise<Line>;

/** The application_name of the listening connection. Each running server has one (store/restore.ts). */
export const LISTENING = "jeton listen";

/** Milliseconds for connecting, and for an answer. */
const CONNECT_LIMIT = 2_000;
const ANSWER_LIMIT = 2_000;

/** Milliseconds in which the server must close the connection; a half-open one never does. */
const MAX_GOODBYE = 500;

/**
 * Session settings of a line. A mark does not wait for a lock on its row or table, and may be lost in a crash. The next mark
 * then finds the earlier one, and an outage looks slightly longer.
 */
const SETTINGS = "SET lock_timeout = '300ms'; SET statement_timeout = '1500ms'; SET synchronous_commit = off";

/** Opens lines to a database. Each listens on the channel from the moment it is returned. */
export function dialTo(url: string, channel: string): Dial {
  return async (hear, given_up) => {
    const line = new PgLine(url, hear);
    const giveUp = () => line.cut();
    given_up.addEventListener("abort", giveUp);
    try {
      given_up.throwIfAborted();
      await line.open(channel);
      given_up.throwIfAborted();
      return line;
    } catch (error) {
      line.cut();
      throw error;
    } finally {
      given_up.removeEventListener("abort", giveUp);
    }
  };
}

class PgLine implements Line {
  readonly #socket = new Socket();
  readonly #over = new AbortController();
  readonly #client: SessionClient;

  constructor(url: string, hear: (payload: string) => void) {
    this.#client = new SessionClient({
      connectionString: url,
      application_name: LISTENING,
      connectionTimeoutMillis: CONNECT_LIMIT,
      query_timeout: ANSWER_LIMIT,
      keepAlive: true,
      // A socket of our own, because node-postgres cannot cut a half-open connection.
      stream: () => this.#socket,
    });
    // Any error closes the line. The `close` of the socket follows in every case, as the last event.
    this.#client.on("error", () => this.cut());
    this.#client.on("end", () => this.cut());
    this.#socket.once("close", () => this.#over.abort());
    this.#client.on("notification", ({ payload }) => hear(payload ?? ""));
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  async open(channel: string): Promise<void> {
    // If the connection ends in between, node-postgres leaves `connect` and a query pending. So the signal settles them.
    await this.#unlessOver(this.#client.connect());
    await this.#unlessOver(this.#client.query(`LISTEN ${channel}; ${SETTINGS}`));
  }

  ask: Ask = async (text, values = []) => {
    const { rows } = await this.#unlessOver(this.#client.query<Record<string, unknown>>(text, [...values]));
    return rows;
  };

  async end(): Promise<void> {
    if (this.over.aborted) return;
    const limit = setTimeout(() => this.cut(), MAX_GOODBYE);
    this.#client.end().catch(() => this.cut());
    await new Promise<void>((resolve) => this.over.addEventListener("abort", () => resolve(), { once: true }));
    clearTimeout(limit);
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Settles with the work, or rejects if the line ends first. */
  #unlessOver<T>(work: Promise<T>): Promise<T> {
    const { over } = this;
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => reject(new Error("the connection has ended"));
      if (over.aborted) giveUp();
      over.addEventListener("abort", giveUp, { once: true });
      work.then(resolve, reject).finally(() => over.removeEventListener("abort", giveUp));
    });
  }
}
