import type pg from "pg";
import { SessionClient } from "../connection.js";
import { codeOf } from "./error.js";
import { urlOf } from "./place.js";

export type Role = "server" | "command";

/** Advisory lock keys: a class of our own ("Jeto"), then who holds what. Held in database `postgres`: locks are per database. */
const CLASS = 0x4a65746f;
const SERVER = 1;
const USERS = 2;

const CONNECT_MS = 2_000;
const QUERY_MS = 30_000;

/**
 * The connection whose life is the ownership: PostgreSQL frees its locks the moment the process behind it dies, however it
 * dies, which no pid file does.
 */
export class Guard {
  /** Resolves when the connection has ended, for whatever reason. Never rejects. */
  readonly lost: Promise<void>;
  #alive = true;

  private constructor(
    private readonly client: pg.Client,
    private readonly role: Role,
  ) {
    // Without a listener a broken connection would end the process; `end` follows every error.
    client.on("error", () => {});
    this.lost = new Promise((resolve) => {
      client.once("end", () => {
        this.#alive = false;
        resolve();
      });
    });
  }

  static async open(role: Role, port: number, password: string): Promise<Guard> {
    const client = new SessionClient({
      connectionString: urlOf("postgres", port, password),
      application_name: `jeton ${role} ${process.pid}`,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
      options: "-c idle_session_timeout=0",
    });
    const guard = new Guard(client, role);
    await client.connect();
    return guard;
  }

  get alive(): boolean {
    return this.#alive;
  }

  async clusterName(): Promise<string> {
    const { rows } = await this.client.query<{ name: string }>("SELECT current_setting('cluster_name') AS name");
    return rows[0]?.name ?? "";
  }

  /** A server excludes other servers; a command only says that it is here. */
  async take(): Promise<boolean> {
    return this.role === "server"
      ? this.#ask("pg_try_advisory_lock", SERVER)
      : this.#ask("pg_try_advisory_lock_shared", USERS);
  }

  /**
   * For a command that leaves: true when nobody else uses the database, who is then kept out until it is stopped. The own
   * share is given back first: of two that leave together, both still holding theirs, none would be the last.
   */
  async isLast(): Promise<boolean> {
    await this.#ask("pg_advisory_unlock_shared", USERS);
    if (!(await this.#ask("pg_try_advisory_lock", USERS))) return false;
    if (await this.#ask("pg_try_advisory_lock", SERVER)) return true;
    await this.#ask("pg_advisory_unlock", USERS);
    return false;
  }

  /** Who holds the server lock: its role and process id, as it told PostgreSQL in its application_name. */
  async owner(): Promise<{ role: string; pid: number } | undefined> {
    const { rows } = await this.client.query<{ name: string }>(
      `SELECT a.application_name AS name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [CLASS, SERVER],
    );
    const [, role, pid] = /^jeton (\w+) (\d+)$/.exec(rows[0]?.name ?? "") ?? [];
    return role === undefined ? undefined : { role, pid: Number(pid) };
  }

  /** The database `jeton`: `intact`, `missing` from the catalogue, or listed while its files are gone. */
  async database(): Promise<"intact" | "missing" | "broken"> {
    const { rows } = await this.client.query<{ intact: boolean }>(
      `SELECT (pg_stat_file('base/' || oid || '/PG_VERSION', true)).size IS NOT NULL AS intact FROM pg_database WHERE datname = 'jeton'`,
    );
    return rows[0] === undefined ? "missing" : rows[0].intact ? "intact" : "broken";
  }

  async createDatabase(): Promise<void> {
    try {
      await this.client.query("CREATE DATABASE jeton");
    } catch (error) {
      const otherWasFaster = codeOf(error) === "42P04" || codeOf(error) === "23505";
      if (!otherWasFaster) throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#alive) await this.client.end().catch(() => {});
  }

  async #ask(lockFunction: string, key: number): Promise<boolean> {
    const { rows } = await this.client.query<{ done: boolean }>(`SELECT ${lockFunction}($1::int, $2::int) AS done`, [
      CLASS,
      key,
    ]);
    return rows[0]?.done === true;
  }
}
