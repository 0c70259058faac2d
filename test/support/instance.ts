import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import type { Test } from "tap";
import { systemClock, systemRandom, type Clock } from "../../src/clock.js";
import type { Timers } from "../../src/coap/timers.js";
import { readSettings } from "../../src/config.js";
import type { Core } from "../../src/core.js";
import type { Dialect } from "../../src/dialects/dialect.js";
import type { Monotonic } from "../../src/expected-wait.js";
import { openListener } from "../../src/http/listener.js";
import { openLog } from "../../src/http/log.js";
import { MasterKey } from "../../src/keys/master-key.js";
import { apply } from "../../src/provisioning/apply.js";
import { startServer } from "../../src/server.js";
import { findKeyRecord } from "../../src/store/installation.js";
import { refuseRestored } from "../../src/store/continuity.js";
import { closeDb, openDb } from "../../src/store/open.js";
import { freshDatabase } from "./database.js";
import { recordStatements } from "./recording.js";
import { requestsTo, type Requests } from "./requests.js";
import { HASHING, MASTER_KEY } from "./run.js";

recordStatements();

export type { Form, Reply } from "./requests.js";

export interface Instance extends Requests {
  readonly url: string;
  readonly database: string;
  readonly core: Core;
  /** The port for plain CoAP, if COAP_PORT is set. */
  readonly coapPort: number | undefined;
  /** The port for CoAP over DTLS, if COAPS_PORT is set. */
  readonly coapsPort: number | undefined;
  /** Every line that was logged so far. */
  readonly log: readonly Record<string, unknown>[];
  /** Applies a provisioning file, and returns when this instance has heard of it. */
  apply(file: object): Promise<void>;
  stop(): Promise<void>;
}

export interface InstanceOptions {
  /** The database of another instance; by default a fresh one, with signing keys in it. */
  readonly database?: string;
  readonly clock?: Clock;
  /** A provisioning file. */
  readonly provision?: object;
  /**
   * The clock by which the server measures how far behind it is. By default it stands still, so that no server of a test turns
   * requests away because the machine is busy.
   */
  readonly monotonic?: Monotonic;
  readonly env?: Record<string, string>;
  /** Milliseconds between two rounds of the audit log. By default it is written by commands only, so that no round is in between. */
  readonly auditInterval?: number;
  /** The timers of CoAP. */
  readonly timers?: Timers;
  /** By default those of the settings. */
  readonly dialects?: readonly Dialect[];
}

/** The longest delay of a timer, in milliseconds. */
const NEVER = 2 ** 31 - 1;

/** A whole server in this process, on a port of its own; it ends with its test. */
export async function startInstance(t: Test, options: InstanceOptions = {}): Promise<Instance> {
  const { clock = systemClock, monotonic = () => 0, provision = {}, env = {} } = options;
  const database = options.database ?? (await freshDatabase(t, provision));
  const settings = readSettings({ DATABASE_URL: database, MASTER_KEY, PORT: "0", ...env });
  const master = new MasterKey(settings.MASTER_KEY!, systemRandom, settings.MASTER_KEY_PREVIOUS);
  const db = openDb(database, monotonic);
  // As openDeployment does for a server. Otherwise the server writes the witnesses later, in the middle of a test.
  await refuseRestored(db);
  const record = await findKeyRecord(db);
  if (record !== undefined) master.useLasting(record.master_key_fingerprint, record.lasting_keys);
  const { TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: clientCa } = settings;
  const tls = cert && key ? { tls: { cert, key, clientCa } } : {};
  const listener = await openListener({ host: "127.0.0.1", port: 0, ...tls });
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString("utf8").trim().split("\n")) log.push(JSON.parse(line));
      done();
    },
  });
  const parts = {
    settings,
    deployment: { db, url: database, master },
    listener,
    log: openLog("info", sink).log,
    clock,
    hashing: HASHING,
    monotonic,
    auditInterval: options.auditInterval ?? NEVER,
    ...(options.dialects === undefined ? {} : { dialects: options.dialects }),
    ...(options.timers === undefined ? {} : { timers: options.timers }),
  };
  const server = await startServer(parts);

  const applyFile = async (file: object) => {
    await apply(db, server.core, JSON.stringify(file));
    await hearing(server.core);
  };
  if (options.database !== undefined && options.provision !== undefined) await applyFile(provision);

  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= server.stop().then(() => closeDb(db)));
  t.teardown(stop);

  return {
    ...requestsTo(listener.url),
    url: listener.url,
    database,
    core: server.core,
    coapPort: server.coapPort,
    coapsPort: server.coapsPort,
    log,
    apply: applyFile,
    stop,
  };
}

/** Waits until an instance has heard of every change so far: what is said on the channel comes in the order of the commits. */
function hearing({ db, feed }: Core): Promise<void> {
  const mark = randomUUID();
  return new Promise((resolve, reject) => {
    feed.subscribe((change) => (change?.id === mark ? resolve() : undefined));
    db.pool.query("SELECT pg_notify('jeton_changed', $1)", [`scopes:${mark}`]).catch(reject);
  });
}

/** The Authorization header of a client that authenticates with its secret. */
export function basic(client_id: string, client_secret: string): { Authorization: string } {
  const pair = `${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`;
  return { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
