import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { revokeToken } from "../store/access-tokens.js";
import { findClient } from "../store/clients.js";
import { endEverything, endEverythingOf, endEverythingOfClient } from "../store/epochs.js";
import { endGrant } from "../store/grants.js";
import { readRefreshToken } from "../tokens/refresh-token.js";
import type { Command, CommandContext } from "./command.js";
import { markGrantsEnded } from "./ending.js";
import { onePerson } from "./people.js";

/** What can be revoked, by flag. Every instance rejects it from its next request on. */
const TARGETS: Readonly<Record<string, (context: CommandContext, value: string) => Promise<object>>> = {
  async token({ core }, text) {
    const refresh = readRefreshToken(core.master, text);
    if (refresh !== undefined) return endOneGrant(core, refresh.grant_id);
    const read = await core.accessTokens.read(text, true);
    if (read === undefined) throw new OperatorError("this is not a token of this server");
    const { jti, exp } = read.claims;
    return { jti, revoked: (await revokeToken(core.db, jti, exp, core.clock.statement())) === "revoked" };
  },
  grant: ({ core }, grant_id) => endOneGrant(core, grant_id),
  async user(context, name) {
    const { db } = context.core;
    const sub = await onePerson({ db }, name);
    await endEverythingOf(db.prisma, sub);
    return { sub, ...(await markGrantsEnded(context, { sub }, name)) };
  },
  async client(context, client_id) {
    const { db } = context.core;
    if ((await findClient(db, client_id)) === null) throw new OperatorError(`there is no client ${client_id}`);
    await endEverythingOfClient(db.prisma, client_id);
    return { client_id, ...(await markGrantsEnded(context, { client_id }, client_id)) };
  },
  async all(context) {
    await endEverything(context.core.db, context.core.clock.statement());
    return { all: true, ...(await markGrantsEnded(context, "everybody", "everybody")) };
  },
};

async function endOneGrant({ db, clock }: Core, grant_id: string): Promise<object> {
  const outcome = await endGrant(db, grant_id, null, clock.statement());
  if (outcome === "unknown") throw new OperatorError(`there is no grant ${grant_id}`);
  return { grant_id, revoked: outcome === "ended" };
}

async function revoke(context: CommandContext): Promise<object> {
  const { flags, stdin } = context;
  const named = Object.keys(TARGETS).filter((name) => flags[name] !== undefined && flags[name] !== false);
  const [target] = named;
  if (target === undefined || named.length > 1) {
    throw new OperatorError("give exactly one of --token T, --user SUB, --client ID, --grant ID, --all");
  }
  const value = String(flags[target]);
  // Every process can read the command line of another. With a dash, the token comes from standard input.
  return TARGETS[target]!(context, value === "-" ? (await stdin()).trim() : value);
}

export const REVOKE_COMMANDS: readonly Command[] = [
  {
    name: "revoke",
    takes: "--token T|- | --user SUB | --client ID | --grant ID | --all",
    does: "revokes a token, or everything of a user, a client, a grant or all users, browser sessions included",
    flags: { token: "text", user: "text", client: "text", grant: "text", all: "switch" },
    run: revoke,
  },
];
