import { z } from "zod";
import type { Core } from "../core.js";
import { explainDecision } from "../decisions/explain.js";
import { recall } from "../decisions/recalled.js";
import { replay } from "../decisions/replay.js";
import { InputError, OperatorError } from "../errors/operator-error.js";
import { isCode } from "../errors/catalogue.js";
import { findKeptDecision, type KeptDecision } from "../store/decisions.js";
import { listDecisions } from "../store/decision-list.js";
import { databaseTime } from "../store/open.js";
import { duration, name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext, type PagedContext } from "./command.js";
import { EXPLAINED, LISTED, REPLAYED } from "./decision-output.js";
import { onePerson } from "./people.js";
import { pageOf, PAGING } from "./page.js";

const ID = z.strictObject({
  id: z
    .uuid({ error: "is no X-Request-Id of this server" })
    .meta({ description: "decision id (X-Request-Id of the answer)" }),
});

const FILTER = z.strictObject({
  client: name.optional().meta({ description: "of this client" }),
  user: name.optional().meta({ description: "of this user, by any of their names" }),
  code: name.optional().meta({ description: "refused with this code of docs/errors.md" }),
  since: z.iso.datetime().optional().meta({ description: "from this time on" }),
  until: z.iso.datetime().optional().meta({ description: "before this time" }),
  ...PAGING,
});

const REPLAY = z.strictObject({
  since: duration.default(7 * 24 * 3_600).meta({ description: "how far back" }),
  with: z.record(z.string(), z.unknown()).meta({ description: "provisioning file that is laid over the store" }),
  most: z.int().min(0).max(10_000).default(1_000).meta({ description: "most differences that are listed" }),
});

/** The decision behind an id, also one of a moment ago. */
async function explain({ core, input: { id } }: CommandContext<z.output<typeof ID>>) {
  await core.keeper?.flush();
  const kept = await findKeptDecision(core.db, id);
  if (kept !== undefined) return explainDecision(core, recall(kept));
  throw new OperatorError(
    `no decision ${id} is kept: it is older than DECISIONS_KEPT, decided nothing, was dropped under load, or is a moment old`,
    "not_found",
  );
}

async function list({ core, input, after }: PagedContext<z.output<typeof FILTER>>) {
  const { client, user, code, since, until, limit } = input;
  if ([client, user, code].filter((one) => one !== undefined).length > 1)
    throw new OperatorError("only one of client, user and code has an index at a time", "invalid");
  if (code !== undefined && !isCode(code)) throw new InputError(["code"], "is no code of docs/errors.md");
  await core.keeper?.flush();
  const filter = { client_id: client, sub: user === undefined ? undefined : await onePerson(core, user), code };
  const times = { since: dateOf(since), until: dateOf(until) };
  const place = after === undefined ? undefined : { decided_at: new Date(String(after[0])), id: String(after[1]) };
  const rows = await listDecisions(core.db, { ...filter, ...times }, place, limit + 1);
  return pageOf(rows, limit, ({ decided_at, id }) => [decided_at.toISOString(), id], listed);
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

function listed(kept: KeptDecision) {
  const { id, decided_at, code, client_id, sub, facts } = recall(kept);
  const { dialect, operation, grant_type } = facts;
  const about = { dialect, operation, grant_type, client_id, sub, code };
  const said = Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined));
  return { id, decided_at, outcome: code === undefined ? ("granted" as const) : ("refused" as const), ...said };
}

async function replayKept({ core, input, report }: CommandContext<z.output<typeof REPLAY>>) {
  await core.keeper?.flush();
  return replay(core, { since: await ago(core, input.since), document: input.with, limit: input.most, report });
}

async function ago({ db, clock }: Core, seconds: number): Promise<Date> {
  return new Date((await databaseTime(db, clock.statement())) - seconds * 1_000);
}

const EXPLAINS = {
  access: "read",
  effect: "reads",
  subject: "id",
  input: ID,
  output: EXPLAINED,
  run: explain,
} as const;

export const DECISION_COMMANDS: readonly AnyCommand[] = [
  command({
    ...EXPLAINS,
    name: "explain",
    routedAs: "decision explain",
    does: "explains a decision in words: what was asked, what was checked, what failed, what to do, and what it would be today",
  }),
  command({
    name: "decision list",
    does: "lists kept decisions, the latest first",
    access: "read",
    effect: "reads",
    input: FILTER,
    output: LISTED,
    paged: true,
    run: list,
  }),
  command({ ...EXPLAINS, name: "decision show", does: "shows one decision with its explanation" }),
  command({
    name: "replay",
    routedAs: "decision replay",
    does: "decides the kept requests again as if a provisioning file were applied, and lists what would come out differently",
    access: "read",
    effect: "reads",
    input: REPLAY,
    output: REPLAYED,
    terms: { files: ["with"], values: { with: "FILE", since: "7d" } },
    run: replayKept,
  }),
];
