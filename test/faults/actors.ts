import { setTimeout as pause } from "node:timers/promises";
import { useApp } from "./clients/app.js";
import { actAsDevice } from "./clients/device.js";
import { logInWithPassword } from "./clients/password.js";
import { actForItself } from "./clients/service.js";
import { askForPhoto } from "./clients/uma.js";
import { signInAtPages } from "./clients/web.js";
import type { Random } from "./random.js";
import type { Retired, Run } from "./run.js";
import type { Visitor } from "./visitor.js";

/** Every kind of login, and how often it is begun. */
const KINDS: Readonly<Record<string, { readonly weight: number; readonly act: Act }>> = {
  password: { weight: 10, act: logInWithPassword },
  service: { weight: 12, act: actForItself },
  web: { weight: 6, act: signInAtPages },
  uma: { weight: 5, act: askForPhoto },
  device: { weight: 1, act: actAsDevice },
  app: { weight: 4, act: useApp },
};

type Act = (run: Run, random: Random) => Promise<Visitor | undefined>;

/** One login after another, until the run is over. */
export async function act(run: Run, random: Random): Promise<void> {
  const weights = Object.fromEntries(Object.entries(KINDS).map(([name, { weight }]) => [name, weight]));
  for (let round = 0; !run.isOver; round += 1) {
    const kind = random.weighted(weights);
    const visitor = await KINDS[kind]!.act(run, random.of(round));
    if (visitor !== undefined) run.retire(visitor);
    await pause(random.between(0, 20));
  }
}

/** Looks at logins of long ago, until the run is over. */
export async function lookBack(run: Run, random: Random): Promise<void> {
  while (!run.isOver) {
    const visitor = run.anyRetired(random);
    if (visitor !== undefined) await lookAgain(run, visitor, random);
    await pause(random.between(5, 50));
  }
}

/** One of its tokens at one instance: what has ended stays so, and what has not is active. */
async function lookAgain(run: Run, visitor: Retired, random: Random): Promise<void> {
  const labels = introspectable(visitor);
  if (labels.length > 0) await visitor.introspect(random.pick(labels));
  run.judge(visitor.history);
}

/** At the end: some tokens of every login that is still known, at every instance; logins that live are refreshed once. */
export async function lookAtEverything(run: Run, random: Random): Promise<void> {
  const left = [...run.retired];
  const next = async (): Promise<void> => {
    for (let visitor = left.pop(); visitor !== undefined; visitor = left.pop()) {
      const labels = random.shuffled(introspectable(visitor)).slice(0, 2);
      for (const label of labels) await visitor.introspectEverywhere(label);
      await visitor.proveItLives();
      run.judge(visitor.history);
    }
  };
  await Promise.all(Array.from({ length: 24 }, next));
}

function introspectable({ history }: Retired): string[] {
  return [...history.tokens.keys()].filter((label) => !label.startsWith("refresh"));
}
