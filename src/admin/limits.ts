import { isIP } from "node:net";
import { z } from "zod";
import { countersOfClient, countersOfName, countersOfNetwork, countersOfUser } from "../accounts/counters.js";
import { normaliseIdentifier } from "../accounts/identifiers.js";
import { describeLimits, type Counter } from "../accounts/rate-limits.js";
import type { Core } from "../core.js";
import { bareAddress, networkOf } from "../http/network.js";
import { findClient } from "../store/clients.js";
import { findSubs, identifiersOfUser } from "../store/users.js";
import { name } from "./arguments.js";
import { command, type AnyCommand } from "./command.js";
import { refuseUserBeyond } from "./escalation.js";

/**
 * Limits on attempts. Their counters are stored under keyed hashes, so that the store does not tell who is slowed. They are found
 * by the user, the client or the address in hand.
 */

const WHO = { who: name.meta({ description: "user, client or address" }) };

/** The counters of everything that the name may mean. */
async function countersOf({ db }: Pick<Core, "db">, who: string): Promise<readonly Counter[]> {
  if (isIP(bareAddress(who)) !== 0) return countersOfNetwork(networkOf(who));
  const identifier = normaliseIdentifier(who);
  const users = await Promise.all(
    (await findSubs(db, who, identifier)).map(async (sub) => {
      const identifiers = await identifiersOfUser(db, sub);
      return countersOfUser(
        sub,
        identifiers.map(({ value }) => value),
      );
    }),
  );
  const clients = (await findClient(db, who)) === null ? [] : countersOfClient(who);
  const found = [...users.flat(), ...clients];
  // Attempts on a name that no account has are counted too.
  return found.length > 0 ? found : countersOfName(identifier);
}

const STATE = z.object({
  on: z.string(),
  attempts: z.int(),
  state: z.enum(["free", "slowed", "locked"]),
  blocked_until: z.iso.datetime().nullable(),
  reset_at: z.iso.datetime(),
});

const LIST = command({
  name: "limit list",
  does: "lists the limits on attempts: the free ones, and the seconds to wait after each further one",
  access: "read",
  effect: "reads",
  input: z.strictObject({}),
  output: z.array(
    z.object({
      on: z.string(),
      free_attempts: z.int(),
      waits: z.array(z.int()).readonly(),
      window: z.int(),
    }),
  ),
  run: async () => describeLimits(),
});

const COUNT = command({
  name: "limit count",
  does: "counts the counters of attempts, and those that let no attempt through now; of very many it reads 100,000",
  access: "read",
  effect: "reads",
  input: z.strictObject({}),
  output: z.object({ counters: z.int(), waiting: z.int(), is_all: z.boolean() }),
  run: async ({ core }) => {
    const { isAll, ...counted } = await core.rateLimits.count();
    return { ...counted, is_all: isAll };
  },
});

const SHOW = command({
  name: "limit show",
  does: "shows the attempts that are counted for a user, a client or an address, and until when each is slowed or locked",
  access: "read",
  effect: "reads",
  subject: "who",
  input: z.strictObject(WHO),
  output: z.array(STATE),
  terms: { word: "USER|CLIENT|ADDRESS" },
  run: async ({ core, input }) => {
    const counters = await countersOf(core, input.who);
    return (await Promise.all(counters.map((one) => core.rateLimits.look(one)))).flat();
  },
});

const FORGIVE = command({
  name: "limit forgive",
  does: "resets the attempts that are counted for a user, a client or an address, so that the next one is free",
  access: "users",
  effect: "changes",
  subject: "who",
  input: z.strictObject(WHO),
  output: z.object({ who: z.string(), forgiven: z.array(z.string()) }),
  terms: { word: "USER|CLIENT|ADDRESS" },
  run: async ({ core, input: { who }, powers, change }) => {
    const counters = await countersOf(core, who);
    for (const { on, id } of counters) if (on === "account") await refuseUserBeyond(core, powers, id);
    const forgiven: string[] = [];
    await change(async (tx) => {
      for (const counter of counters) if (await core.rateLimits.forgive(counter, tx)) forgiven.push(counter.on);
    });
    return { who, forgiven };
  },
});

export const LIMIT_COMMANDS: readonly AnyCommand[] = [LIST, COUNT, SHOW, FORGIVE];
