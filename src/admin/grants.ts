import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { grantLineage } from "../store/grant-lineage.js";
import { countGrants, listGrants } from "../store/grant-list.js";
import { knownTokens } from "../store/grant-tokens.js";
import { ENDINGS, GRANT_STATES, type ListedGrant } from "../store/grant-state.js";
import { endGrant } from "../store/grants.js";
import { name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext, type PagedContext } from "./command.js";
import { GRANT_FILTER, readGrantFilter } from "./grant-filter.js";
import { describeLineage, LINEAGE } from "./grant-lineage.js";
import { PAGING, type Page } from "./page.js";
import { present } from "./present.js";

const GRANT_ID = { grant_id: name.meta({ description: "grant" }) };
const ONE = z.strictObject(GRANT_ID);
const FILTERED = z.strictObject(GRANT_FILTER);
const LISTED = z.strictObject({
  ...GRANT_FILTER,
  state: z.enum(GRANT_STATES).optional().meta({ description: "in this state" }),
  ...PAGING,
});

/** A grant in a list. */
const GRANT = z.object({
  grant_id: z.string(),
  client_id: z.string(),
  sub: z.string(),
  username: z.string(),
  scope: z.string(),
  dialect: z.string().optional(),
  sid: z.string().optional(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  state: z.enum(GRANT_STATES),
  ended_at: z.iso.datetime().optional(),
  because: z.enum(ENDINGS).optional(),
});

function listed({ id, preferred_username, scope, dialect, sid, ended_at, because, ...grant }: ListedGrant) {
  const { client_id, sub, created_at, expires_at, state } = grant;
  return present({
    grant_id: id,
    ...{ client_id, sub, username: preferred_username, scope: scope.join(" ") },
    dialect: dialect ?? undefined,
    sid: sid ?? undefined,
    ...{ created_at, expires_at, state },
    ended_at: ended_at ?? undefined,
    because: because ?? undefined,
  });
}

async function list({ core, input, after }: PagedContext<z.output<typeof LISTED>>) {
  const { state, limit, cursor: _cursor, ...members } = input;
  const filter = await readGrantFilter(core, members);
  const place = after === undefined ? undefined : { created_at: new Date(String(after[0])), id: String(after[1]) };
  const { grants, next } = await listGrants(core.db, { filter, state, after: place, limit }, core.clock.statement());
  const page: Page<ReturnType<typeof listed>> = {
    items: grants.map(listed),
    next: next && [next.created_at.toISOString(), next.id],
  };
  return page;
}

async function show({ core, input: { grant_id } }: CommandContext<z.output<typeof ONE>>) {
  const lineage = await grantLineage(core.db, grant_id, core.clock.statement());
  if (lineage === undefined) throw noGrant(grant_id);
  const client = await core.registry.find(lineage.client_id);
  return present({ ...listed(lineage), ...describeLineage(lineage, client, await knownTokens(core.db, lineage)) });
}

async function revoke({ core, input: { grant_id }, change }: CommandContext<z.output<typeof ONE>>) {
  const outcome = await change((tx) => endGrant(tx, grant_id, null, core.clock.statement()));
  if (outcome === "unknown") throw noGrant(grant_id);
  return { grant_id, revoked: outcome === "ended" };
}

function noGrant(grant_id: string): OperatorError {
  return new OperatorError(`there is no grant ${grant_id}; the sweep deletes an ended one after a day`, "not_found");
}

async function count({ core, input }: CommandContext<z.output<typeof FILTERED>>) {
  const { counted, is_all } = await countGrants(core.db, await readGrantFilter(core, input));
  return { grants: counted, at_least: !is_all };
}

/** The commands on grants that answer at once. */
export const GRANT_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "grant list",
    does: "lists grants, the newest of a user or a client first; without either, in the order of their ids",
    access: "read",
    effect: "reads",
    input: LISTED,
    output: GRANT,
    paged: true,
    run: list,
  }),
  command({
    name: "grant show",
    does: "shows a grant with its lineage: login, consent, code, refresh tokens, access tokens, and why it ended",
    access: "read",
    effect: "reads",
    subject: "grant_id",
    input: ONE,
    output: GRANT.extend(LINEAGE),
    run: show,
  }),
  command({
    name: "grant revoke",
    does: "ends a grant and all its tokens",
    access: "revoke",
    effect: "ends",
    subject: "grant_id",
    input: ONE,
    output: z.object({ grant_id: z.string(), revoked: z.boolean() }),
    run: revoke,
  }),
  command({
    name: "grant count",
    does: "counts the grants that `grant revoke-many` would end; of very many it says how many there are at least",
    access: "read",
    effect: "reads",
    input: FILTERED,
    output: z.object({ grants: z.int(), at_least: z.boolean() }),
    run: count,
  }),
];
