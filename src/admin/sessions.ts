import { z } from "zod";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import {
  findSession,
  SESSION_STATES,
  sessionsOfClient,
  sessionsOfUser,
  type ListedSession,
} from "../store/session-list.js";
import { endSession } from "../store/sessions.js";
import { name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext, type PagedContext } from "./command.js";
import { PAGING, pageOf, type Page, type Position } from "./page.js";
import { onePerson } from "./people.js";
import { present } from "./present.js";

const SID = { sid: name.meta({ description: "session (sid)" }) };
const ONE = z.strictObject(SID);
const LISTED = z.strictObject({
  user: name.optional().meta({ description: "of this user (by any of their names)" }),
  client: name.optional().meta({ description: "in which this client got a grant" }),
  ...PAGING,
});

const SESSION = z.object({
  sid: z.string(),
  sub: z.string(),
  username: z.string(),
  auth_time: z.iso.datetime(),
  amr: z.array(z.string()),
  seen_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  state: z.enum(SESSION_STATES),
  ended_at: z.iso.datetime().optional(),
});

function listed({ sid, sub, preferred_username, auth_time, amr, seen_at, expires_at, state, ended_at }: ListedSession) {
  const times = { seen_at, expires_at, state, ended_at: ended_at ?? undefined };
  return present({ sid, sub, username: preferred_username, auth_time, amr: [...amr], ...times });
}

type SessionPage = Page<ReturnType<typeof listed>>;

async function list({ core, input, after }: PagedContext<z.output<typeof LISTED>>): Promise<SessionPage> {
  const { user, client, limit } = input;
  if ((user === undefined) === (client === undefined)) {
    throw new OperatorError("give exactly one of --user SUB, --client ID", "invalid");
  }
  return user === undefined ? ofClient(core, client!, after, limit) : ofUser(core, user, after, limit);
}

async function ofUser(core: Core, user: string, after: Position | undefined, limit: number): Promise<SessionPage> {
  const { db, clock } = core;
  const sub = await onePerson(core, user);
  const place = after && { auth_time: new Date(String(after[0])), sid: String(after[1]) };
  const rows = await sessionsOfUser(db, sub, place, limit + 1, clock.statement());
  return pageOf(rows, limit, ({ auth_time, sid }) => [auth_time.toISOString(), sid], listed);
}

async function ofClient(core: Core, client: string, after: Position | undefined, limit: number): Promise<SessionPage> {
  const { db, clock } = core;
  const place = after && { created_at: new Date(String(after[0])), id: String(after[1]) };
  const { sessions, next } = await sessionsOfClient(db, client, place, limit, clock.statement());
  return { items: sessions.map(listed), next: next && [next.created_at.toISOString(), next.id] };
}

async function existing({ core, input: { sid } }: CommandContext<z.output<typeof ONE>>): Promise<ListedSession> {
  const found = await findSession(core.db, sid, core.clock.statement());
  if (found === undefined) throw new OperatorError(`there is no session ${sid}`, "not_found");
  return found;
}

async function revoke(context: CommandContext<z.output<typeof ONE>>) {
  const { core, change } = context;
  const { sid, ended_at } = await existing(context);
  await change((tx) => endSession(tx, { sid }, core.clock.statement()));
  return { sid, revoked: ended_at === null };
}

export const SESSION_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "session list",
    does: "lists the browser sessions of a user, or those in which a client got a grant",
    access: "read",
    effect: "reads",
    input: LISTED,
    output: SESSION,
    paged: true,
    terms: { takes: "--user SUB | --client ID" },
    run: list,
  }),
  command({
    name: "session show",
    does: "shows a browser session",
    access: "read",
    effect: "reads",
    subject: "sid",
    input: ONE,
    output: SESSION,
    run: async (context) => listed(await existing(context)),
  }),
  command({
    name: "session revoke",
    does: "ends a browser session and its grants without offline_access; clients are told as after a logout",
    access: "revoke",
    effect: "ends",
    subject: "sid",
    input: ONE,
    output: z.object({ sid: z.string(), revoked: z.boolean() }),
    run: revoke,
  }),
];
