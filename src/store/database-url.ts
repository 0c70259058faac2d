import { OperatorError } from "../errors/operator-error.js";
import { readEncryptions, type Encryption } from "./database-tls.js";

/**
 * DATABASE_URL as libpq reads a connection URI (PostgreSQL documentation, section 34.1.1.2). A parameter that
 * Jeton does not support is refused, because an ignored one would mislead the operator.
 */
export interface DatabaseTarget {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** Command-line options of the session. Settings that Jeton sets itself win over them (connection.ts). */
  readonly options: string | undefined;
  readonly enableChannelBinding: boolean;
  /** One or more servers. Of several, the one that accepts writes is used. */
  readonly servers: readonly Server[];
  /** The encryptions to attempt, in this order. */
  readonly encryptions: readonly Encryption[];
}

export interface Server {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

const NOT_A_URL = "is not a URL; special characters in the password must be percent-encoded";

/** postgres://user:password@host:port,host:port/database?parameters */
const FORM = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/** The supported parameters, apart from those of TLS. */
const MEANT = ["host", "port", "user", "password", "dbname", "options"];
const TLS_PARAMETERS = ["sslmode", "ssl", "sslrootcert", "sslcert", "sslkey"];

/** Parameters that may only have the value that Jeton uses anyway. */
const FIXED: Readonly<Record<string, readonly [values: readonly string[], because: string]>> = {
  schema: [["public"], "Jeton's tables are in the schema public"],
  search_path: [["public"], "Jeton's tables are in the schema public"],
  target_session_attrs: [["read-write", "primary"], "Jeton needs a server that it can write to"],
  load_balance_hosts: [["disable"], "there is one server that can be written to"],
  gssencmode: [["disable", "prefer"], "Jeton does not speak GSSAPI"],
  channel_binding: [["disable", "prefer"], "Jeton cannot insist on channel binding"],
};

class Unusable extends Error {}

const known = new Map<string, DatabaseTarget>();

/**
 * Reads a connection string, and the files that it names.
 * @throws OperatorError in one line, without any part of the user information
 */
export function readDatabaseUrl(url: string): DatabaseTarget {
  const reason = databaseUrlProblem(url);
  if (reason !== undefined) throw new OperatorError(`DATABASE_URL ${reason}`);
  return known.get(url)!;
}

/** Why a text is not a usable connection string; undefined if it is one. */
export function databaseUrlProblem(url: string): string | undefined {
  try {
    if (!known.has(url)) known.set(url, parse(url));
    return undefined;
  } catch (error) {
    if (error instanceof Unusable || error instanceof OperatorError) return error.message;
    throw error;
  }
}

/** Database and hosts of a connection string, without user and password. */
export function describeDatabase(url: string): string {
  const { database, servers } = readDatabaseUrl(url);
  const places = servers.map(({ host, port }) => [isSocket(host) ? "localhost" : host, port].filter(Boolean).join(":"));
  return `the database ${database ?? ""} at ${places.join(", ")}`;
}

function parse(url: string): DatabaseTarget {
  if (!/^postgres(ql)?:\/\//.test(url)) throw new Unusable("must begin with postgres://");
  const [whole, userInfo = "", hosts = "", path = "", query = ""] = FORM.exec(url) ?? [];
  if (whole === undefined) throw new Unusable(NOT_A_URL);
  const given = readParameters(query);
  const [user, ...password] = userInfo.split(":");
  return {
    user: given.get("user") ?? decoded(user),
    password: given.get("password") ?? decoded(password.join(":")),
    database: given.get("dbname") ?? decoded(path),
    options: given.get("options"),
    enableChannelBinding: given.get("channel_binding") === "prefer",
    servers: readServers(hosts, given),
    encryptions: readEncryptions(given),
  };
}

function readParameters(query: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const [values, because] = Object.hasOwn(FIXED, name) ? FIXED[name]! : [];
    if (values !== undefined && !values.includes(value)) {
      throw new Unusable(`has ${name}, which can only be ${values.join(" or ")} here: ${because}`);
    }
    if (values === undefined && ![...MEANT, ...TLS_PARAMETERS].includes(name)) {
      throw new Unusable(`has the parameter ${named(name)}, which Jeton does not take`);
    }
    if (given.has(name)) throw new Unusable(`has the parameter ${name} twice`);
    given.set(name, value);
  }
  const [, path] = /(?:-c\s*|--)search_path\s*=\s*(\S*)/i.exec(given.get("options") ?? "") ?? [];
  if (path !== undefined && path !== "public")
    throw new Unusable("sets search_path in options, which can only be public here");
  return given;
}

/** A name, shortened and escaped for one line of a message. */
function named(name: string): string {
  return /^[\w.-]{1,64}$/.test(name) ? name : "with an odd name";
}

function readServers(authority: string, given: ReadonlyMap<string, string>): readonly Server[] {
  const listed = given.get("host")?.split(",");
  const inAuthority = authority.split(",").map((text) => {
    const [whole, address, name, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ?? [];
    if (whole === undefined) throw new Unusable(NOT_A_URL);
    return { host: address ?? decoded(name), port };
  });
  const ports = given.get("port")?.split(",");
  const hosts = listed ?? inAuthority.map(({ host }) => host);
  if (ports !== undefined && ports.length > 1 && ports.length !== hosts.length) {
    throw new Unusable(`names ${hosts.length} hosts and ${ports.length} ports`);
  }
  return hosts.map((host, index) => {
    const port =
      (ports?.length === 1 ? ports[0] : ports?.[index]) ??
      (listed === undefined ? inAuthority[index]?.port : inAuthority[0]?.port);
    return { host: host || undefined, port: readPort(port) };
  });
}

function readPort(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port === 0 || port > 65_535)
    throw new Unusable("has a port that is not from 1 to 65535");
  return port;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text ? decodeURIComponent(text) : undefined;
  } catch {
    throw new Unusable(NOT_A_URL);
  }
}

/** Without a host, libpq takes its default socket or machine. */
function isSocket(host: string | undefined): boolean {
  return host === undefined || host.startsWith("/");
}
