import { setTimeout as pause } from "node:timers/promises";
import { subOf } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { confidential, Login, personHistory } from "./login.js";
import { passwordGrant } from "./password.js";

/** What an operator ends from the command line, of a login that was made for it. */
interface Deed {
  readonly scope: "user" | "client";
  readonly args: (name: { readonly sub: string; readonly client_id: string }) => readonly string[];
  /** The command that takes it back. */
  readonly back?: (name: { readonly sub: string; readonly client_id: string }) => readonly string[];
  /** Whether taking it back makes valid again what it ended. */
  readonly isLifted?: boolean;
  /** Milliseconds within which every instance obeys. */
  readonly grace: number;
}

const DEEDS = {
  "user disable": {
    scope: "user",
    args: ({ sub }) => ["user", "disable", sub],
    back: ({ sub }) => ["user", "enable", sub],
    grace: 0,
  },
  "revoke --user": { scope: "user", args: ({ sub }) => ["revoke", "--user", sub], grace: 0 },
  "revoke --client": { scope: "client", args: ({ client_id }) => ["revoke", "--client", client_id], grace: 0 },
  "client disable": {
    scope: "client",
    args: ({ client_id }) => ["client", "disable", client_id],
    back: ({ client_id }) => ["client", "enable", client_id],
    isLifted: true,
    grace: 1_000,
  },
} as const satisfies Record<string, Deed>;

/** One deed after another, until the run is over. Only the operator uses this client. */
export async function operate(run: Run, random: Random): Promise<void> {
  for (let round = 0; !run.isOver; round += 1) {
    const name = random.pick(Object.keys(DEEDS) as (keyof typeof DEEDS)[]);
    await actOn(run, random.of(round), name, DEEDS[name]);
    await pause(random.between(500, 2_500));
  }
}

async function actOn(run: Run, random: Random, name: string, deed: Deed): Promise<void> {
  const person = run.persons.take();
  const client_id = "campaign";
  const login = new Login(
    run,
    random,
    personHistory(`operator's (${name})`, client_id, person),
    confidential(client_id),
  );
  try {
    await passwordGrant(login, person);
    if (login.refreshLabel === undefined) return;
    await login.refresh();
    const named = { sub: subOf(person), client_id };
    const announced = run.ledger.announce(
      deed.scope === "user" ? `user:${named.sub}` : `client:${client_id}`,
      name,
      run.now(),
    );
    await untilDone(run, deed.args(named));
    announced.acknowledge(run.now(), deed.grace);
    await pause(deed.grace);
    await lookEverywhere(login);
    if (deed.back === undefined) return;
    if (deed.isLifted) announced.lift(run.now());
    await untilDone(run, deed.back(named));
    await pause(1_000);
    if (!deed.isLifted) await lookEverywhere(login);
  } finally {
    run.persons.giveBack(person);
    run.retire(login);
  }
}

async function untilDone(run: Run, args: readonly string[]): Promise<void> {
  while ((await run.fleet.command(args)).code !== 0) await pause(500);
}

async function lookEverywhere(login: Login): Promise<void> {
  for (const label of login.history.tokens.keys()) await login.introspectEverywhere(label);
  if (login.refreshLabel !== undefined) await login.refusedEverywhere();
}
