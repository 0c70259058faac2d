import { z } from "zod";
import { proofOf } from "../audit/prove.js";
import { readRecord, readRecordId, recordId } from "../audit/record.js";
import { erase } from "../audit/remove.js";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { findEntry, listEntries, type EntryPosition, type ListedEntry } from "../store/audit-read.js";
import { name } from "./arguments.js";
import { command, type AnyCommand, type CommandContext, type PagedContext } from "./command.js";
import { PAGING, type Page, type Position } from "./page.js";

/** The audit log: every change of configuration and people (docs/audit.md). */

const RECORD = z.looseObject({
  id: z.string(),
  at: z.string(),
  /** Of an erased record the table alone is known. */
  table: z.string(),
  by: z.looseObject({ kind: z.string(), id: z.string() }).optional(),
  what: z.string().optional(),
  of: z.string().optional(),
  user: z.string().optional(),
  client: z.string().optional(),
  before: z.record(z.string(), z.unknown()).optional(),
  after: z.record(z.string(), z.unknown()).optional(),
  erased: z.literal(true).optional(),
});

const FILTERS = z.strictObject({
  user: name.optional().meta({ description: "records about this user (sub)" }),
  client: name.optional().meta({ description: "records about this client" }),
  caller: name.optional().meta({ description: "records by this caller: a kind and an id, such as person:alice" }),
  table: name.optional().meta({ description: "records of this table" }),
  since: z.iso.datetime({ offset: true }).optional().meta({ description: "earliest time" }),
  until: z.iso.datetime({ offset: true }).optional().meta({ description: "time before which the records are" }),
  ...PAGING,
});

const ID = { id: name.meta({ description: "number of a record, such as 1-42" }) };

async function list({
  core,
  input,
  after,
}: PagedContext<z.output<typeof FILTERS>>): Promise<Page<z.input<typeof RECORD>>> {
  await core.audit.append("wait");
  const { user: sub, client: client_id, caller, table: kind, since, until, limit } = input;
  const filter = { sub, client_id, caller, kind, since, until };
  const { entries, next } = await listEntries(core.db, filter, positionOf(after), limit);
  return { items: entries.map(shown), next: next && [next.at, next.tree, next.index] };
}

function positionOf(after: Position | undefined): EntryPosition | undefined {
  return after && { at: String(after[0]), tree: Number(after[1]), index: Number(after[2]) };
}

function shown({ tree, index, at, kind, record }: ListedEntry): z.input<typeof RECORD> {
  const id = recordId(tree, index);
  if (record === null) return { id, at, table: kind, erased: true };
  const { tree: _tree, index: _index, ...read } = readRecord(record) ?? { id, at, table: kind };
  return read as z.input<typeof RECORD>;
}

/** @throws OperatorError if there is no such record */
export async function existingEntry({ db }: Core, id: string) {
  const place = readRecordId(id);
  const entry = place && (await findEntry(db, place));
  if (entry === undefined) throw new OperatorError(`there is no record ${id}`, "not_found");
  return entry;
}

async function eraseUser({ core, input, caller }: CommandContext<{ readonly sub: string }>) {
  const erased = await erase(core.audit, input.sub, caller);
  if (erased === undefined) throw new OperatorError("the database was restored: run jeton after-restore first");
  return { sub: input.sub, erased };
}

export const AUDIT_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "audit list",
    does: "lists changes of configuration and people, the latest first",
    access: "read",
    effect: "reads",
    paged: true,
    input: FILTERS,
    output: RECORD,
    run: list,
  }),
  command({
    name: "audit show",
    does: "shows one record",
    access: "read",
    effect: "reads",
    subject: "id",
    input: z.strictObject(ID),
    output: RECORD,
    run: async ({ core, input }) => {
      const found = await existingEntry(core, input.id);
      return shown(found);
    },
  }),
  command({
    name: "audit proof",
    does: "proves that the log has a record: the text of a file that the public key suffices to check",
    access: "read",
    effect: "reads",
    subject: "id",
    input: z.strictObject(ID),
    output: z.object({ id: z.string(), proof: z.string() }),
    run: async ({ core, input }) => ({
      id: input.id,
      proof: await proofOf(core.db, await existingEntry(core, input.id)),
    }),
  }),
  command({
    name: "audit erase",
    does: "erases the content of all records about a user and by a user; the log stays whole, and says so",
    access: "all",
    effect: "deletes",
    subject: "sub",
    input: z.strictObject({ sub: name.meta({ description: "user (sub), also a deleted one" }) }),
    output: z.object({ sub: z.string(), erased: z.int() }),
    run: eraseUser,
  }),
];
