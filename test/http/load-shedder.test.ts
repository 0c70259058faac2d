import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { LoadShedder, type PreparedResponse } from "../../src/http/load-shedder.js";
import { until } from "../support/until.js";

const REFUSAL: PreparedResponse = {
  status: 503,
  headers: ["Retry-After", "1", "Content-Length", "4"],
  body: Buffer.from("busy"),
};

/** A server whose application answers when it is told to, behind a load shedder whose clock and measurements are set by hand. */
async function behindShedder(t: Test) {
  const state = { now: 0, crowded: false, waiting: 0, refused: 0 };
  const answers: (() => void)[] = [];
  const measurements: (() => void)[] = [];
  const shedder = new LoadShedder(
    {
      isAlwaysOpen: (path) => path === "/readyz",
      isCrowded: () => state.crowded,
      waiting: () => state.waiting,
      refusalAt: (path) => (path === "/token" ? REFUSAL : undefined),
      refused: () => (state.refused += 1),
      report: () => {},
    },
    () => state.now,
    (done) => measurements.push(done),
  );
  const application: RequestListener = (request, response) => {
    if (shedder.refuses(request.url!, request, response, answers.length)) return;
    answers.push(() => void response.end("done"));
  };
  const server = createServer(application);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    return { status: reply.status, text: await reply.text(), after: reply.headers.get("retry-after") };
  };
  /** Asks until so many are under way. */
  const fill = async (total: number) => {
    for (let n = answers.length; n < total; n += 1) void ask("/token").catch(() => {});
    await until("all are under way", () => answers.length === total);
  };
  const finish = () => answers.splice(0).forEach((answer) => answer());
  const measured = (lag: number) => {
    state.now += lag;
    measurements.splice(0).forEach((done) => done());
  };
  return { state, ask, fill, finish, measured, answers, measurements };
}

t.test(
  "a request that would wait too long for the database is refused, what needs none and health are not",
  async (t) => {
    const { state, ask, finish, answers } = await behindShedder(t);
    state.crowded = true;
    t.strictSame(await ask("/token"), { status: 503, text: "busy", after: "1" });
    t.equal(state.refused, 1);
    const others = [ask("/readyz"), ask("/document"), ask("/token", { Origin: "https://page.example" })];
    await until("the application is asked", () => answers.length === 3);
    finish();
    for (const { status } of await Promise.all(others)) t.equal(status, 200);
    state.crowded = false;
    const after = ask("/token");
    await until("the application is asked again", () => answers.length === 1);
    finish();
    t.equal((await after).status, 200, "once the queue is shorter everything is let in");
  },
);

t.test("a few requests are let in on a machine of any speed, and nothing is measured", async (t) => {
  const { state, fill, answers, measurements } = await behindShedder(t);
  for (let round = 0; round < 6; round += 1) {
    await fill((round + 1) * 10);
    state.now += 10_000;
  }
  t.equal(answers.length, 60);
  t.equal(measurements.length, 0);
});

t.test("many requests are let in as long as the process keeps up", async (t) => {
  const { fill, measured, answers } = await behindShedder(t);
  for (let round = 1; round <= 5; round += 1) {
    await fill(round * 50);
    measured(1);
  }
  t.equal(answers.length, 250);
});

t.test("once work waits too long for the process, requests are refused until it has caught up", async (t) => {
  const { state, ask, fill, finish, measured, answers } = await behindShedder(t);
  await fill(66);
  state.now += 101; // A measurement is under way, and has not come back.
  t.equal((await ask("/token")).status, 503);
  measured(0);
  t.equal((await ask("/token")).status, 503, "what was measured last counts until it is measured again");
  const health = ask("/readyz");
  await until("health is asked", () => answers.length === 67);
  measured(1);
  await fill(68);
  t.equal(answers.length, 68, "it has caught up");
  finish();
  t.equal((await health).status, 200);
  state.now += 1_000;
  await until("the next are let in", async () => {
    const next = ask("/token");
    void next.then(() => answers.push(() => {}));
    await until("it is answered, or can be", () => answers.length > 0);
    finish();
    return (await next).status === 200;
  });
});

t.test("requests that wait for something else than the process do not count", async (t) => {
  const { state, fill, answers } = await behindShedder(t);
  state.waiting = 200;
  await fill(200);
  state.now += 10_000;
  await fill(220);
  t.equal(answers.length, 220);
});

t.test("a busy process takes a window of requests between two measurements", async (t) => {
  const { ask, fill, measured, answers } = await behindShedder(t);
  await fill(66);
  measured(50);
  await fill(66 + 64);
  t.equal((await ask("/token")).status, 503);
  measured(50);
  await fill(66 + 64 + 1);
  t.equal(answers.length, 131);
});
