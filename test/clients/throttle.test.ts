import t from "tap";
import { Throttle } from "../../src/clients/throttle.js";
import { reason } from "../support/reason.js";

type Stopwatch = NonNullable<ConstructorParameters<typeof Throttle>[0]>;

/** A stopwatch that the test advances. */
class TestStopwatch implements Stopwatch {
  #now = 0;
  readonly #pausing: { readonly until: number; readonly go: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  pause(milliseconds: number): Promise<void> {
    return new Promise((go) => this.#pausing.push({ until: this.#now + milliseconds, go }));
  }

  async advance(milliseconds: number): Promise<void> {
    this.#now += milliseconds;
    for (const { until, go } of this.#pausing) if (until <= this.#now) go();
    await new Promise(setImmediate);
  }
}

/** Requests, with the number of those that may continue. */
function ask(throttle: Throttle, key: string, times: number): { come: number; refused: number } {
  const state = { come: 0, refused: 0 };
  for (let n = 0; n < times; n += 1) {
    throttle.wait(key).then(
      () => (state.come += 1),
      () => (state.refused += 1),
    );
  }
  return state;
}

const setUp = (failures: number) => {
  const stopwatch = new TestStopwatch();
  const throttle = new Throttle(stopwatch);
  for (let n = 0; n < failures; n += 1) throttle.countFailure("a");
  return { stopwatch, throttle };
};

t.test("BF-12 two hundred failures cause no delay", async (t) => {
  const { stopwatch, throttle } = setUp(199);
  const turns = ask(throttle, "a", 50);
  await stopwatch.advance(0);
  t.equal(turns.come, 50);
});

t.test("BF-12 further requests continue at fifty a second, in order, and none is forgotten", async (t) => {
  const { stopwatch, throttle } = setUp(200);
  const turns = ask(throttle, "a", 100);
  await stopwatch.advance(0);
  t.equal(turns.come, 0);
  for (const second of [1, 2]) {
    await stopwatch.advance(1000);
    t.equal(turns.come, second * 50);
  }
  t.equal(turns.refused, 0);
});

t.test("BF-12 further guesses continue at that pace", async (t) => {
  const { stopwatch, throttle } = setUp(1000);
  let guesses = 0;
  const guess = async () => {
    await throttle.wait("a");
    guesses += 1;
    throttle.countFailure("a");
    void guess();
  };
  void guess();
  for (let step = 0; step < 500; step += 1) await stopwatch.advance(20);
  t.equal(guesses, 500, "ten seconds");
});

t.test("more than a hundred do not wait: they get Retry-After", async (t) => {
  const { stopwatch, throttle } = setUp(200);
  const turns = ask(throttle, "a", 100);
  t.match(await reason(() => throttle.wait("a")), { row: { code: "tries_exhausted" }, retryAfter: 3 });
  await stopwatch.advance(2000);
  t.strictSame(turns, { come: 100, refused: 0 });
  const later = ask(throttle, "a", 1);
  await stopwatch.advance(20);
  t.equal(later.come, 1);
});

t.test("another device's key", async (t) => {
  const { stopwatch, throttle } = setUp(200);
  const others = ask(throttle, "b", 1);
  await stopwatch.advance(0);
  t.equal(others.come, 1);
});

t.test("an expired one stays refused", async (t) => {
  const { stopwatch, throttle } = setUp(200);
  await stopwatch.advance(4000);
  for (let n = 0; n < 199; n += 1) throttle.countFailure("a");
  const turns = ask(throttle, "a", 1);
  await stopwatch.advance(0);
  t.equal(turns.come, 1);
});

t.test("DO-12 ten thousand keys are kept, also when there are more", async (t) => {
  const { stopwatch, throttle } = setUp(200);
  for (let n = 0; n < 10_000; n += 1) throttle.countFailure(`other-${n}`);
  const turns = ask(throttle, "a", 1);
  await stopwatch.advance(0);
  t.equal(turns.come, 1, "the oldest of them is not");
});
