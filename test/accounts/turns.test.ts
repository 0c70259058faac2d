import t from "tap";
import { Turns } from "../../src/accounts/turns.js";
import { reason } from "../support/reason.js";

/** Work that goes on until it is told to end, and is told apart by its name. */
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

t.test("as many turns at once as there are slots, and nobody has two of them", async (t) => {
  const turns = new Turns(2);
  const { begun, work, end } = works();
  const all = ["a1", "a2", "b1", "c1", "a3"].map((name) => turns.take(name[0], work(name)));
  await end("a1");
  t.strictSame(begun, ["a1", "b1", "a2"], "who has a turn already lets the next in line go first");
  await end("b1");
  await end("a2");
  t.strictSame(begun, ["a1", "b1", "a2", "c1", "a3"]);
  await end("c1");
  await end("a3");
  await Promise.all(all);
});

t.test("work that fails gives its turn on", async (t) => {
  const turns = new Turns(1);
  await t.rejects(turns.take("a", () => Promise.reject(new Error("it failed"))));
  t.equal(await turns.take("a", async () => "done"), "done");
});

t.test("DO-01 one name has a queue of its own length, and the others theirs", async (t) => {
  const turns = new Turns(1);
  const { work, end } = works();
  const all = Array.from({ length: 101 }, (_, n) => turns.take("a", work(`${n}`)));
  t.match(await reason(() => turns.take("a", work("more"))), { row: { code: "hashing_busy" }, retryAfter: 2 });
  const other = turns.take("b", work("b"));
  for (let n = 0; n <= 100; n += 1) await end(`${n}`);
  await end("b");
  await Promise.all([...all, other]);
});

t.test("DO-01 the queue ends, and who is turned away is told when to come again", async (t) => {
  const turns = new Turns(1);
  const { begun, work, end } = works();
  const all = Array.from({ length: 201 }, (_, n) => turns.take(n, work(`${n}`)));
  const busy = { row: { code: "hashing_busy" }, retryAfter: 2 };
  t.match(await reason(() => turns.take("more", work("more"))), busy);
  t.match(await reason(() => turns.wait("late", work("late"), 1)), busy, "or when their turn does not come");
  for (let n = 0; n <= 200; n += 1) await end(`${n}`);
  await Promise.all(all);
  t.equal(begun.length, 201, "whoever was turned away has no turn later");
});
