import type { Socket } from "node:net";
import pg from "pg";
import { OperatorError } from "../errors/operator-error.js";
import { chooseRoute, onlyRoute, type Route } from "./choose-server.js";
import { readDatabaseUrl, type DatabaseTarget } from "./database-url.js";

/**
 * The session that every connection of ours gets: one place for the pool (Prisma's statements run on it too), the
 * listening connection, migrations and the embedded database's guard. The server, the database and the role may each
 * have settings of their own, and they would change what a statement means.
 *
 * The settings travel in the startup packet. Values from there win over those of the server, the database, the role,
 * PGOPTIONS and an `options=` in the connection string, and they cost no round trip (docs/decisions/0013).
 */

interface Setting {
  readonly value: string;
  /** Values that mean the same to our statements, for a pooler that keeps the setting from the server. */
  readonly accepts: RegExp;
}

/**
 * `default_transaction_read_only` is left alone: a database that was made read-only has to be seen as one, and is
 * answered with 503. `client_encoding` is always sent by node-postgres.
 */
const SESSION: Readonly<Record<string, Setting>> = {
  // Prisma writes and reads instants without a zone. A day's interval has 23 or 25 hours in some zones.
  TimeZone: { value: "UTC", accepts: /^(Etc\/)?(UTC|UCT|Zulu|Universal)$/i },
  // node-postgres reads no date of another style.
  DateStyle: { value: "ISO, MDY", accepts: /^ISO\b/ },
  IntervalStyle: { value: "postgres", accepts: /^postgres$/ },
  bytea_output: { value: "hex", accepts: /^hex$/ },
  // The database's time reaches uma/ as a float8 in milliseconds: fewer digits would round it to hours or years.
  extra_float_digits: { value: "1", accepts: /^[123]$/ },
  // The loser of a race waits for the row and then decides on the new one, which only this level does.
  default_transaction_isolation: { value: "read committed", accepts: /^read committed$/ },
  // Prisma names the schema `public`, named statements and migrations name none.
  search_path: { value: "public", accepts: /^("\$user", ?)?public$/ },
  standard_conforming_strings: { value: "on", accepts: /^on$/ },
  // What was acknowledged survives a crash of everything.
  synchronous_commit: { value: "on", accepts: /^(on|local|remote_write|remote_apply)$/ },
};

// An instant is sent with the zone Z, whatever TZ the process has.
pg.defaults.parseInputDatesAsUTC = true;

/** What node-postgres puts into the startup packet; its types leave the method out. */
const startup = pg.Client.prototype as unknown as { getStartupConf(): Record<string, string> };

/** What a connection is written to, and where it goes; the types of node-postgres leave it out. */
interface Connected {
  readonly connection: { readonly stream: Socket; ssl: unknown };
  host: string;
  port: number;
  ssl: unknown;
}

/** Milliseconds for which a server is tried, where a connection has no limit of its own. */
const TRIAL_LIMIT = 2_000;

/** How a transaction tells the server that its statements may take longer, and how it ends. */
const OWN_LIMIT = /^SET LOCAL statement_timeout = '(\d+)s'$/;
const ENDS_TRANSACTION = /^(COMMIT|ROLLBACK)$/;

/** Milliseconds beyond the server's own limit for which an answer is waited for. */
const ON_ITS_WAY = 1_000;

/** Milliseconds for which the server may take leave. */
const MAX_GOODBYE = 500;

/**
 * A connection with this session. A limit (milliseconds) that its configuration does not name is off.
 *
 * A connection whose other end is gone without a word (half-open, RFC 9293 section 3.5.1) answers nothing, for hours. So
 * every statement is waited for as long as the server may take for it and a second more, then the connection is cut.
 */
export class SessionClient extends pg.Client {
  readonly #limits: Readonly<Record<string, string>>;
  readonly #limit: number;
  /** The limit of the transaction under way, where it has one of its own. */
  #ownLimit: number | undefined;
  #answerTimer: NodeJS.Timeout | undefined;
  /** Monotonic milliseconds at which the statement under way was sent. */
  #askedAt: number | undefined;
  /** What has to be tried before it is known where this connection goes. */
  readonly #choice: (() => Promise<Route>) | undefined;

  constructor(config: pg.ClientConfig = {}) {
    const { connectionString, ...own } = config;
    const target = connectionString === undefined ? undefined : readDatabaseUrl(connectionString);
    const route = target && onlyRoute(target);
    super(target === undefined ? own : { ...own, ...sessionOf(target), ...route });
    if (target !== undefined && route === undefined) this.#choice = () => chooseRoute(target, trialOf(target, own));
    // The connection may be ended in the packet that opens it, before anybody could listen; an error without a listener ends
    // the process. Its statements fail all the same, and the pool replaces it.
    this.on("error", () => {});
    const { statement_timeout, lock_timeout, idle_in_transaction_session_timeout } = config;
    // node-postgres would let the connection string change these, and would leave out a zero.
    const limits = { statement_timeout, lock_timeout, idle_in_transaction_session_timeout };
    this.#limits = Object.fromEntries(
      Object.entries(limits).map(([name, limit]) => [name, String(Number(limit ?? 0))]),
    );
    this.#limit = Number(statement_timeout ?? 0);
    this.#limitAnswers();
  }

  override connect(): Promise<this>;
  override connect(connected: (error: Error) => void): void;
  override connect(connected?: (error: Error) => void): Promise<this> | void {
    if (connected === undefined) {
      return new Promise((resolve, reject) => this.connect((error) => (error ? reject(error) : resolve(this))));
    }
    if (this.#choice === undefined) return super.connect(connected);
    this.#choice()
      .then((route) => {
        this.#take(route);
        super.connect(connected);
      })
      .catch(connected);
  }

  /** Goes the way that was found, unless nobody waits for it any more. */
  #take({ host, port, ssl }: Route): void {
    const own = this as unknown as Connected;
    if (own.connection.stream.destroyed) throw new Error("timeout exceeded when trying to connect");
    if (host !== undefined) own.host = host;
    if (port !== undefined) own.port = port;
    own.ssl = own.connection.ssl = ssl ?? false;
  }

  #limitAnswers(): void {
    // Its many overloads are handed on as they are.
    this.query = ((...given: unknown[]) => {
      this.#awaitAnswer(textOf(given[0]));
      return (super.query as (...given: unknown[]) => unknown)(...given);
    }) as typeof this.query;
    // Said once every statement is answered (node-postgres), and once there is nobody to answer.
    this.on("drain", () => {
      clearTimeout(this.#answerTimer);
      this.#askedAt = undefined;
    });
    this.on("end", () => clearTimeout(this.#answerTimer));
  }

  #awaitAnswer(text: string): void {
    const [, own] = OWN_LIMIT.exec(text) ?? [];
    if (own !== undefined) this.#ownLimit = Number(own) * 1_000;
    if (ENDS_TRANSACTION.test(text)) this.#ownLimit = undefined;
    const limit = this.#ownLimit ?? this.#limit;
    clearTimeout(this.#answerTimer);
    this.#askedAt = performance.now();
    if (limit > 0) this.#answerTimer = setTimeout(() => this.#cut(), limit + ON_ITS_WAY).unref();
  }

  /** Cuts the connection if its statement has had no answer for so many milliseconds, and no longer limit of its own. */
  cutIfSilent(milliseconds: number): void {
    const isSilent = this.#askedAt !== undefined && performance.now() - this.#askedAt > milliseconds;
    if (isSilent && this.#ownLimit === undefined) this.#cut();
  }

  #cut(): void {
    (this as unknown as Connected).connection.stream.destroy();
  }

  /** Ends the connection. The server is told, and is waited for a moment only. */
  override end(): Promise<void>;
  override end(ended: (error: Error) => void): void;
  override end(ended?: (error: Error) => void): Promise<void> | void {
    const timer = setTimeout(() => this.#cut(), MAX_GOODBYE);
    this.once("end", () => clearTimeout(timer));
    return ended === undefined ? super.end() : super.end(ended);
  }

  /** Called by node-postgres when it opens the connection. */
  getStartupConf(): Record<string, string> {
    const session = Object.entries(SESSION).map(([name, { value }]) => [name, value] as const);
    return { ...startup.getStartupConf.call(this), ...this.#limits, ...Object.fromEntries(session) };
  }
}

/** What every connection of a target has, wherever it goes. */
function sessionOf({ servers: _servers, encryptions: _encryptions, ...session }: DatabaseTarget): pg.ClientConfig {
  return Object.fromEntries(Object.entries(session).filter(([, value]) => value !== undefined));
}

/** Connections to try servers with, under the same limits. */
function trialOf(target: DatabaseTarget, { application_name, connectionTimeoutMillis = TRIAL_LIMIT }: pg.ClientConfig) {
  const limits = { connectionTimeoutMillis, query_timeout: TRIAL_LIMIT };
  return (route: Route) => new SessionClient({ ...sessionOf(target), ...route, ...limits, application_name });
}

/** The text of whatever a statement is given as. */
function textOf(statement: unknown): string {
  return typeof statement === "string" ? statement : ((statement as { readonly text?: string }).text ?? "");
}

/**
 * Looks at a session as the server has it. A pooler may keep settings of the startup packet to itself.
 * @throws OperatorError where a statement of ours would mean something else
 */
export async function checkSession(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ name: string; value: string }>(
    "SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name",
    [Object.keys(SESSION)],
  );
  const wrong = rows.find(({ name, value }) => !SESSION[name]?.accepts.test(value));
  if (wrong === undefined) return;
  const { name, value } = wrong;
  throw new OperatorError(
    `the database's sessions have ${name} = '${value}', because a pooler in between drops what Jeton asks for: ` +
      `pass it on, or run ALTER ROLE … SET ${name} = '${SESSION[name]!.value}'`,
  );
}
