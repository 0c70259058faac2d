import t from "tap";
import { WorkQueue } from "../../src/accounts/work-queue.js";
import { reason } from "../support/reason.js";

/** A job that runs until the test ends it, and has a name. */
function works() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<void>((resolve) => {
      begun.push(name);
      ends.set(name, resolve);
    });
  const end = async (name: string) => {
    await new Promise(setImmediate);
    ends.get(name)!();
    await new Promise(setImmediate);
  };
  return { begun, work, end };
}

t.test("at most one job for each slot runs, and no key has two", async (t) => {
  const queue = new WorkQueue(2);
  const { begun, work, end } = works();
  const all = ["a1", "a2", "b1", "c1", "a3"].map((name) => queue.run(name[0], work(name)));
  await end("a1");
  t.strictSame(begun, ["a1", "b1", "a2"], "who has a turn already lets the next in line go first");
  await end("b1");
  await end("a2");
  t.strictSame(begun, ["a1", "b1", "a2", "c1", "a3"]);
  await end("c1");
  await end("a3");
  await Promise.all(all);
});

t.test("a failed job frees its slot", async (t) => {
  const queue = new WorkQueue(1);
  await t.rejects(queue.run("a", () => Promise.reject(new Error("it failed"))));
  t.equal(await queue.run("a", async () => "done"), "done");
});

/** A queue with a clock that is set by hand. */
function timed(slots: number) {
  let now = 0;
  return { queue: new WorkQueue(slots, () => now), pass: (milliseconds: number) => (now += milliseconds) };
}

/** Begins jobs until one is refused. */
async function fill(queue: WorkQueue, names: (n: number) => string, work: (name: string) => () => Promise<void>) {
  const jobs: Promise<void>[] = [];
  for (;;) {
    let refusal: unknown;
    const job = queue.run(names(jobs.length), work(`${names(0)}${jobs.length}`)).catch((error: unknown) => {
      refusal = error;
    });
    await new Promise(setImmediate);
    if (refusal !== undefined) return { jobs, refusal };
    jobs.push(job);
  }
}

t.test("DO-01 the queue is full at a wait of three seconds, with any number of jobs", async (t) => {
  for (const [held, most] of [
    [100, 31],
    [1_000, 4],
  ] as const) {
    const { queue, pass } = timed(1);
    const { begun, work, end } = works();
    // A hundred jobs teach it how long one takes.
    for (let n = 0; n < 100; n += 1) {
      await queue.run("learning", async () => void pass(held));
    }
    pass(10_000);
    const { jobs, refusal } = await fill(queue, (n) => `${n}`, work);
    t.equal(jobs.length, most, `one that runs and others that wait, ${held} ms each`);
    t.match(refusal, { row: { code: "hashing_busy" }, retryAfter: 4 });
    const done = jobs.length;
    for (let n = 0; n < done; n += 1) await end(`0${n}`);
    await Promise.all(jobs);
    t.equal(begun.length, done, "a refused job does not run later");
    t.equal(await queue.run("later", async () => "done"), "done", "and there is room again");
  }
});

t.test("a queue that was not empty for two seconds is kept shorter than a new one", async (t) => {
  const { queue, pass } = timed(1);
  const { work, end } = works();
  for (let n = 0; n < 100; n += 1) await queue.run("learning", async () => void pass(100));
  const { jobs } = await fill(queue, (n) => `${n}`, work);
  let running = 0;
  // As many end as come: it stays as long as it is.
  const more: Promise<unknown>[] = [];
  for (; running < 18; running += 1) {
    pass(100);
    await end(`0${running}`);
    more.push(queue.run(`more${running}`, work(`more${running}`)));
  }
  pass(200);
  await end(`0${running++}`);
  t.match(await reason(() => queue.run("late", work("late"))), { row: { code: "hashing_busy" } });
  for (; running < jobs.length; running += 1) await end(`0${running}`);
  for (let n = 0; n < more.length; n += 1) await end(`more${n}`);
  await Promise.all([...jobs, ...more]);
});

t.test("DO-01 one key may fill half of the queue, and the rest is for others", async (t) => {
  const { queue, pass } = timed(1);
  const { work, end } = works();
  for (let n = 0; n < 100; n += 1) await queue.run("learning", async () => void pass(100));
  const { jobs, refusal } = await fill(queue, () => "a", work);
  t.equal(jobs.length, 16);
  t.match(refusal, { row: { code: "hashing_busy" } });
  const other = queue.run("b", work("b"));
  for (let n = 0; n < jobs.length; n += 1) await end(`a${n}`);
  await end("b");
  await Promise.all([...jobs, other]);
});

t.test("a job without a slot in time gives up", async (t) => {
  const queue = new WorkQueue(1);
  const { begun, work, end } = works();
  const first = queue.run("first", work("first"));
  t.match(await reason(() => queue.runUnbounded("late", work("late"), 1)), { row: { code: "hashing_busy" } });
  await end("first");
  await first;
  t.strictSame(begun, ["first"]);
});
