import type pg from "pg";
import { codeOf, messageOf } from "../errors/error-code.js";
import { SessionClient } from "./connection.js";

/** Who uses the cluster of an embedded PostgreSQL. */
export type Role = "server" | "command";

/**
 * Advisory lock keys: a class of our own ("Jeto"), then the key. They are held in the database `postgres`, because advisory
 * locks are per database.
 */
const CLASS = 0x4a65746f;
const SERVER = 1;
const USERS = 2;

const CONNECT_MS = 2_000;
const QUERY_MS = 30_000;

/**
 * The connection that owns the cluster of an embedded PostgreSQL. PostgreSQL frees its locks the moment this process dies,
 * however it dies, which no pid file does.
 */
export class ClusterGuard {
  /** Resolves once the connection has ended, for any reason. Never rejects. */
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

  /** @param url connection string of the database `postgres` */
  static async open(role: Role, url: string): Promise<ClusterGuard> {
    const client = new SessionClient({
      connectionString: url,
      application_name: `jeton ${role} ${process.pid}`,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
      options: "-c idle_session_timeout=0",
    });
    const guard = new ClusterGuard(client, role);
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

  /** Acquires the lock of the role: a server excludes other servers, a command shares with other commands. */
  async acquire(): Promise<boolean> {
    return this.role === "server"
      ? this.#ask("pg_try_advisory_lock", SERVER)
      : this.#ask("pg_try_advisory_lock_shared", USERS);
  }

  /**
   * For a command that leaves: true if no other process uses the database. No other can acquire it then until it is stopped.
   * The command releases its own share first: of two that leave together and keep their shares, neither would be the last.
   */
  async isLast(): Promise<boolean> {
    await this.#ask("pg_advisory_unlock_shared", USERS);
    if (!(await this.#ask("pg_try_advisory_lock", USERS))) return false;
    if (await this.#ask("pg_try_advisory_lock", SERVER)) return true;
    await this.#ask("pg_advisory_unlock", USERS);
    return false;
  }

  /** The owner of the server lock: its role and process id, which its application_name holds. */
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

  /** The database `jeton`: `intact`, `missing` from the catalogue, or `broken` (in the catalogue, but without its files). */
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

/**
 * Whether PostgreSQL is stopping, crashed or not up yet (57P01 to 57P03, sent just before the connection ends). It is
 * also true if node-postgres reports that the connection has ended.
 */
export function isShutdown(error: unknown): boolean {
  return /^57P0[123]$/.test(codeOf(error) ?? "") || /not queryable|Connection terminated/.test(messageOf(error));
}
