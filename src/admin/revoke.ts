import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { revokeToken } from "../store/access-tokens.js";
import { findClient } from "../store/clients.js";
import { endEverything, endEverythingOf, endEverythingOfClient } from "../store/epochs.js";
import { endGrant } from "../store/grants.js";
import { readRefreshToken } from "../tokens/refresh-token.js";
import { name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext } from "./command.js";
import { markGrantsEnded } from "./ending.js";
import { onePerson } from "./people.js";

const INPUT = z.strictObject({
  token: z.string().min(1).max(100_000).optional().meta({ description: "token in hand" }),
  user: name.optional().meta({ description: "user by any of their names" }),
  client: name.optional().meta({ description: "client" }),
  grant: name.optional().meta({ description: "grant" }),
  all: z.boolean().default(false).meta({ description: "everything of everybody" }),
});

const OUTPUT = z.object({
  jti: z.string().optional(),
  grant_id: z.string().optional(),
  sub: z.string().optional(),
  client_id: z.string().optional(),
  all: z.boolean().optional(),
  revoked: z.boolean().optional(),
  grants_ended: z.int().optional(),
  job_id: z.string().optional().meta({ description: "job that marks the grants; every token is rejected already" }),
  warnings: z.array(z.string()).readonly().optional(),
});

type Context = CommandContext<z.output<typeof INPUT>>;
type Ended = z.output<typeof OUTPUT>;

/** What can be revoked, by member. Every instance rejects it from its next request on. */
const TARGETS: Readonly<Record<string, (context: Context, value: string) => Promise<Ended>>> = {
  async token(context, text) {
    const { core, change } = context;
    const refresh = readRefreshToken(core.master, text);
    if (refresh !== undefined) return endOneGrant(context, refresh.grant_id);
    const read = await core.accessTokens.read(text, true);
    if (read === undefined) throw new OperatorError("this is not a token of this server", "not_found");
    const { jti, exp } = read.claims;
    const outcome = await change((tx) => revokeToken(tx, jti, exp, core.clock.statement()));
    return { jti, revoked: outcome === "revoked" };
  },
  grant: endOneGrant,
  async user(context, name) {
    const sub = await onePerson(context.core, name);
    await context.changeByPrisma((tx) => endEverythingOf(tx, sub));
    return { sub, ...(await markGrantsEnded(context, { sub }, name)) };
  },
  async client(context, client_id) {
    const { db } = context.core;
    if ((await findClient(db, client_id)) === null)
      throw new OperatorError(`there is no client ${client_id}`, "not_found");
    await context.changeByPrisma((tx) => endEverythingOfClient(tx, client_id));
    return { client_id, ...(await markGrantsEnded(context, { client_id }, client_id)) };
  },
  async all(context) {
    await context.change((tx) => endEverything(tx, context.core.clock.statement()));
    return { all: true, ...(await markGrantsEnded(context, "everybody", "everybody")) };
  },
};

async function endOneGrant({ core, change }: Context, grant_id: string): Promise<Ended> {
  const outcome = await change((tx) => endGrant(tx, grant_id, null, core.clock.statement()));
  if (outcome === "unknown") throw new OperatorError(`there is no grant ${grant_id}`, "not_found");
  return { grant_id, revoked: outcome === "ended" };
}

async function revoke(context: Context): Promise<Ended> {
  const { input } = context;
  const named = Object.entries(input).filter(([, value]) => value !== undefined && value !== false);
  const [target] = named;
  if (target === undefined || named.length > 1) {
    throw new OperatorError("give exactly one of --token T, --user SUB, --client ID, --grant ID, --all", "invalid");
  }
  const [member, value] = target;
  return TARGETS[member]!(context, String(value));
}

export const REVOKE_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "revoke",
    does: "revokes a token, or everything of a user, a client, a grant or all users, browser sessions included",
    access: "revoke",
    effect: "ends",
    input: INPUT,
    output: OUTPUT,
    terms: {
      takes: "--token T|- | --user SUB | --client ID | --grant ID | --all",
      dash: ["token", "user", "client", "grant"],
    },
    run: revoke,
  }),
];
