import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import pg from "pg";
import t from "tap";
import { Availability } from "../../src/store/availability.js";
import { listen, listenBy, type ChangeFeed } from "../../src/store/listen.js";
import type { Line } from "../../src/store/line.js";
import { systemClock } from "../../src/clock.js";
import { freshDatabase, sql } from "../support/database.js";
import { pauseWithLockTimeout } from "../support/date.js";
import { until } from "../support/until.js";

/** What befalls a database, from outside, between any two steps of the feed. */
type Blow = "the connection ends" | "the database goes" | "the database comes back" | "it answers with an error";

const BLOWS = fc.array(
  fc.constantFrom<Blow>(
    "the connection ends",
    "the connection ends",
    "the database goes",
    "the database comes back",
    "it answers with an error",
  ),
  { maxLength: 8 },
);

/** A database that listens, as far as a feed can tell. When anything happens is the scheduler's to say. */
class ModelDatabase {
  readonly open = new Set<ModelLine>();
  /** The most lines that were open at once. */
  most = 0;
  dials = 0;
  reachable = true;
  refusing = false;
  elapsed = 0;
  readonly #s: fc.Scheduler;

  constructor(s: fc.Scheduler) {
    this.#s = s;
  }

  parts(): Parameters<typeof listenBy>[0] {
    return {
      elapsed: () => this.elapsed,
      availability: { beat: async (ask) => void (await ask("a sign of life")) },
      pause: async (milliseconds, signal) => {
        const rested = this.step("rest").then(() => void (this.elapsed += milliseconds));
        const aborted = new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener("abort", () => resolve());
        });
        await Promise.race([rested, aborted]);
      },
      dial: async (_hear, givenUp) => {
        this.dials += 1;
        await this.step("connect");
        if (!this.reachable || givenUp.aborted) throw new Error("connection refused");
        const line = new ModelLine(this);
        await this.step("listen");
        if (line.over.aborted || givenUp.aborted) {
          line.cut();
          throw new Error("ended while it was made");
        }
        return line;
      },
    };
  }

  step(label: string): Promise<void> {
    return this.#s.schedule(Promise.resolve(), label);
  }

  strike(blow: Blow): void {
    if (blow === "the database comes back") this.reachable = true;
    if (blow === "it answers with an error") this.refusing = true;
    if (blow === "the database goes") this.reachable = false;
    if (blow === "the database goes" || blow === "the connection ends") for (const line of this.open) line.cut();
  }

  recover(): void {
    this.reachable = true;
    this.refusing = false;
  }
}

class ModelLine implements Line {
  readonly #over = new AbortController();
  readonly #database: ModelDatabase;

  constructor(database: ModelDatabase) {
    this.#database = database;
    database.open.add(this);
    database.most = Math.max(database.most, database.open.size);
  }

  get over(): AbortSignal {
    return this.#over.signal;
  }

  ask = async () => {
    await this.#database.step("answer");
    if (this.over.aborted) throw new Error("the connection has ended");
    if (this.#database.refusing) throw new pg.DatabaseError("read-only", 0, "error");
    return [{ now: new Date(this.#database.elapsed) }];
  };

  async end(): Promise<void> {
    await this.#database.step("goodbye");
    this.cut();
  }

  cut(): void {
    this.#database.open.delete(this);
    this.#over.abort();
  }
}

/** Runs steps in the order that the scheduler chooses, until a condition holds. */
async function within(s: fc.Scheduler, steps: number, holds: () => boolean): Promise<boolean> {
  for (let taken = 0; taken < steps && !holds(); taken += 1) {
    if (s.count() > 0) await s.waitNext(1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return holds();
}

t.test("a change feed recovers from every interruption at every step", async (t) => {
  const property = fc.asyncProperty(fc.scheduler(), BLOWS, fc.boolean(), async (s, blows, closes) => {
    const database = new ModelDatabase(s);
    const opening = listenBy(database.parts()).then(
      (feed) => feed,
      () => undefined,
    );
    let feed: ChangeFeed | undefined;
    let opened = false;
    void opening.then((given) => ((feed = given), (opened = true)));
    await within(s, 20, () => opened);
    let deafened = 0;
    feed?.subscribe((change) => (change === null ? (deafened += 1) : undefined));

    const dialled = database.dials;
    s.scheduleSequence(blows.map((blow) => ({ label: blow, builder: async () => database.strike(blow) })));
    await within(s, 40 + blows.length * 10, () => false);
    database.recover();
    if (feed === undefined) return database.open.size === 0;

    const hears = await within(s, 60, () => feed!.alive());
    if (!hears) throw new Error("it stays deaf");
    if (database.most > 1) throw new Error("it listened twice");
    if (database.dials > dialled && deafened === 0) throw new Error("it did not say that it may have missed something");

    let closed = false;
    if (closes) database.strike("the connection ends");
    void feed.close().then(() => (closed = true));
    if (!(await within(s, 40, () => closed))) throw new Error("it does not close");
    const { dials } = database;
    await within(s, 20, () => false);
    if (database.open.size > 0) throw new Error("a connection is left open");
    if (database.dials > dials) throw new Error("it connects after it was closed");
    return true;
  });
  await t.resolves(fc.assert(property, { numRuns: 100 }));
});

t.test("a change feed closed at any step leaves no connection open", async (t) => {
  const property = fc.asyncProperty(fc.scheduler(), BLOWS, fc.nat(30), async (s, blows, steps) => {
    const database = new ModelDatabase(s);
    let feed: ChangeFeed | undefined;
    void listenBy(database.parts()).then(
      (given) => (feed = given),
      () => {},
    );
    await within(s, 20, () => feed !== undefined);
    s.scheduleSequence(blows.map((blow) => ({ label: blow, builder: async () => database.strike(blow) })));
    await within(s, steps, () => false);
    let closed = feed === undefined;
    void feed?.close().then(() => (closed = true));
    await within(s, 60, () => closed);
    await within(s, 20, () => false);
    return closed && database.open.size === 0;
  });
  await t.resolves(fc.assert(property, { numRuns: 100 }));
});

const LISTENERS = "FROM pg_stat_activity WHERE application_name = 'jeton listen' AND datname = current_database()";

t.test("a change feed whose connection is terminated listens again within 5 s", async (t) => {
  const url = await freshDatabase(t);
  const feed = await listen(url, new Availability(systemClock));
  t.teardown(() => feed.close());
  const client = new pg.Client(url);
  await client.connect();
  t.teardown(() => client.end());
  const listeners = async (which = "true") => (await client.query(`SELECT pid ${LISTENERS} AND ${which}`)).rowCount;
  const terminate = async () => {
    t.ok(((await client.query(`SELECT pg_terminate_backend(pid) ${LISTENERS}`)).rowCount ?? 0) <= 1, "one listens");
    await until("the end is noticed", () => !feed.alive(), 5_000);
    await until("it hears again", () => feed.alive(), 5_000);
  };

  for (let time = 0; time < 8; time += 1) {
    await pause(Math.random() * 320);
    await terminate();
  }
  for (let time = 0; time < 3; time += 1) {
    // Its mark waits for this lock, so a beat is under way for certain.
    await client.query("BEGIN; LOCK TABLE availability IN EXCLUSIVE MODE");
    await until("a beat is under way", async () => (await listeners("wait_event_type = 'Lock'")) === 1, 30_000);
    await terminate();
    await client.query("COMMIT");
  }
  t.equal(await listeners(), 1);
  await feed.close();
  await until("no session listens", async () => (await listeners()) === 0);
});

t.test("a locked table or a read-only database prevents availability marks but not notifications", async (t) => {
  const url = await freshDatabase(t);
  const availability = new Availability(systemClock);
  const feed = await listen(url, availability);
  t.teardown(() => feed.close());
  const inServiceAt = () => availability.inServiceAt?.getTime() ?? 0;
  const markedAgain = async () => {
    const before = inServiceAt();
    await until("it marks itself again", () => inServiceAt() > before);
  };
  await markedAgain();
  const heard: unknown[] = [];
  feed.subscribe((change) => heard.push(change));

  const client = new pg.Client(url);
  await client.connect();
  t.teardown(() => client.end());
  await client.query("BEGIN; LOCK TABLE availability IN EXCLUSIVE MODE");
  const before = inServiceAt();
  await pauseWithLockTimeout(url, 300, 2_000);
  await until("it hears in spite of the lock", () => feed.alive());
  t.ok(inServiceAt() - before < 1_500, "without a mark");
  await client.query("COMMIT");
  await markedAgain();

  // From the next session on: its connection is ended to get one.
  const name = new URL(url).pathname.slice(1);
  await sql(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  await sql(url, `SELECT pg_terminate_backend(pid) ${LISTENERS}`);
  await until("it is told that it may have missed something", () => heard.includes(null));
  await until("it hears", () => feed.alive());
  const inReadOnly = inServiceAt();
  await sql(url, "SELECT pg_notify('jeton_changed', 'client:another')");
  await until("a change is heard", () => heard.some((one) => one !== null));
  t.equal(inServiceAt(), inReadOnly, "without a mark");
});
