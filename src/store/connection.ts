import type { Socket } from "node:net";
import pg from "pg";
import { OperatorError } from "../errors/operator-error.js";
import { chooseRoute, onlyRoute, type Route } from "./choose-server.js";
import { readDatabaseUrl, type DatabaseTarget } from "./database-url.js";

/**
 * The session settings of every connection: of the pool (Prisma's statements run on it too), the listening connection,
 * migrations and the guard of the embedded database. The server, the database and the role may each have other settings,
 * which would change the meaning of a statement.
 *
 * The settings are sent in the startup packet. Values from there win over those of the server, the database, the role,
 * PGOPTIONS and an `options=` in the connection string. They cost no round trip (docs/decisions/0013).
 */

interface Setting {
  readonly value: string;
  /** Equivalent values, for a pooler that does not pass the setting to the server. */
  readonly accepts: RegExp;
}

/**
 * `default_transaction_read_only` is not set: requests to a read-only database are answered with 503. node-postgres always
 * sends `client_encoding`.
 */
const SESSION: Readonly<Record<string, Setting>> = {
  // Prisma writes and reads instants without a zone. A day's interval has 23 or 25 hours in some zones.
  TimeZone: { value: "UTC", accepts: /^(Etc\/)?(UTC|UCT|Zulu|Universal)$/i },
  // node-postgres cannot parse dates of another style.
  DateStyle: { value: "ISO, MDY", accepts: /^ISO\b/ },
  IntervalStyle: { value: "postgres", accepts: /^postgres$/ },
  bytea_output: { value: "hex", accepts: /^hex$/ },
  // The database's time reaches uma/ as a float8 in milliseconds: fewer digits would round it to hours or years.
  extra_float_digits: { value: "1", accepts: /^[123]$/ },
  // Only at this level does the loser of a race wait for the row and then decide on its new version.
  default_transaction_isolation: { value: "read committed", accepts: /^read committed$/ },
  // Prisma names the schema `public`, named statements and migrations name none.
  search_path: { value: "public", accepts: /^("\$user", ?)?public$/ },
  standard_conforming_strings: { value: "on", accepts: /^on$/ },
  // Acknowledged writes survive a crash of the whole machine.
  synchronous_commit: { value: "on", accepts: /^(on|local|remote_write|remote_apply)$/ },
};

// An instant is sent with the zone Z, under any TZ of the process.
pg.defaults.parseInputDatesAsUTC = true;

/** The startup packet of node-postgres, a method that its types leave out. */
const startup = pg.Client.prototype as unknown as { getStartupConf(): Record<string, string> };

/** The socket and the address of a connection, which the types of node-postgres leave out. */
interface Connected {
  readonly connection: { readonly stream: Socket; ssl: unknown };
  host: string;
  port: number;
  ssl: unknown;
}

/** Milliseconds for the probe of a server, if the connection has no limit of its own. */
const TRIAL_LIMIT = 2_000;

/** The statements by which a transaction extends its time limit, and by which it ends. */
const OWN_LIMIT = /^SET LOCAL statement_timeout = '(\d+)s'$/;
const ENDS_TRANSACTION = /^(COMMIT|ROLLBACK)$/;

/** Milliseconds beyond the limit of the server until an answer counts as lost. */
const ON_ITS_WAY = 1_000;

/** Milliseconds in which the server must close a connection that ends. */
const MAX_GOODBYE = 500;

/**
 * A connection with these session settings. A limit (milliseconds) that its configuration omits is off.
 *
 * A half-open connection (RFC 9293 section 3.5.1) gives no answer, for hours. So each statement has the limit of the server and
 * one second more. After that the connection is cut.
 */
export class SessionClient extends pg.Client {
  readonly #limits: Readonly<Record<string, string>>;
  readonly #limit: number;
  /** The own limit of the current transaction, if it has one. */
  #ownLimit: number | undefined;
  #answerTimer: NodeJS.Timeout | undefined;
  /** Monotonic milliseconds at which the current statement was sent. */
  #askedAt: number | undefined;
  /** Chooses the server, if the target has several. */
  readonly #choice: (() => Promise<Route>) | undefined;

  constructor(config: pg.ClientConfig = {}) {
    const { connectionString, ...own } = config;
    const target = connectionString === undefined ? undefined : readDatabaseUrl(connectionString);
    const route = target && onlyRoute(target);
    super(target === undefined ? own : { ...own, ...sessionOf(target), ...route });
    if (target !== undefined && route === undefined) this.#choice = () => chooseRoute(target, trialOf(target, own));
    // The connection may fail before its user adds a listener, and an error without a listener ends the process. Its
    // statements fail too, and the pool replaces it.
    this.on("error", () => {});
    const { statement_timeout, lock_timeout, idle_in_transaction_session_timeout } = config;
    // node-postgres lets the connection string override these, and leaves out a zero.
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

  /** Uses the chosen route, unless the attempt has been given up. */
  #take({ host, port, ssl }: Route): void {
    const own = this as unknown as Connected;
    if (own.connection.stream.destroyed) throw new Error("timeout exceeded when trying to connect");
    if (host !== undefined) own.host = host;
    if (port !== undefined) own.port = port;
    own.ssl = own.connection.ssl = ssl ?? false;
  }

  #limitAnswers(): void {
    // Passes on the many overloads unchanged.
    this.query = ((...given: unknown[]) => {
      this.#awaitAnswer(textOf(given[0]));
      return (super.query as (...given: unknown[]) => unknown)(...given);
    }) as typeof this.query;
    // node-postgres emits this once every statement is answered, or once the connection is closed.
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

  /** Cuts the connection if its statement has waited longer than this, unless its transaction has a limit of its own. */
  cutIfSilent(milliseconds: number): void {
    const isSilent = this.#askedAt !== undefined && performance.now() - this.#askedAt > milliseconds;
    if (isSilent && this.#ownLimit === undefined) this.#cut();
  }

  #cut(): void {
    (this as unknown as Connected).connection.stream.destroy();
  }

  /** Ends the connection. It waits only a moment for the server to close it. */
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

/** The settings that all connections to a target share. */
function sessionOf({ servers: _servers, encryptions: _encryptions, ...session }: DatabaseTarget): pg.ClientConfig {
  return Object.fromEntries(Object.entries(session).filter(([, value]) => value !== undefined));
}

/** Makes connections for probes, under the same limits. */
function trialOf(target: DatabaseTarget, { application_name, connectionTimeoutMillis = TRIAL_LIMIT }: pg.ClientConfig) {
  const limits = { connectionTimeoutMillis, query_timeout: TRIAL_LIMIT };
  return (route: Route) => new SessionClient({ ...sessionOf(target), ...route, ...limits, application_name });
}

/** The text of a statement in any form. */
function textOf(statement: unknown): string {
  return typeof statement === "string" ? statement : ((statement as { readonly text?: string }).text ?? "");
}

/**
 * Checks the session settings on the server. A pooler may drop settings of the startup packet.
 * @throws OperatorError if a different setting would change the meaning of our statements
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
