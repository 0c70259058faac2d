import { z } from "zod";
import { Refusal } from "../../errors/refusal.js";
import type { OperationRequest } from "../operations.js";

/** Reading a JSON body of the protection API. */

/** An id of ours; any other text names nothing, whatever it looks like. */
export const ID = /^[A-Za-z0-9_-]{22}$/;

/** Entries of a list of ids. */
const MAX_IDS = 1_000;

export const idList = z.array(z.string()).min(1).max(MAX_IDS);

/** Where a list is begun: ids that come after this one. */
export const page = z.object({ after: z.string().regex(ID).optional() });

/** Ids told at once. */
export const PAGE_SIZE = 1_000;

/** What is told of a list: some ids, and whether there are more after the last of them. */
export interface IdPage {
  readonly ids: readonly string[];
  readonly more: boolean;
}

/** A page of ids, of which one more was looked for than is told. */
export function pageOf(found: readonly string[]): IdPage {
  return { ids: found.slice(0, PAGE_SIZE), more: found.length > PAGE_SIZE };
}

/** Results of one search: who asks for more is given so many, and goes on from there. */
const MAX_FOUND = 100;

/** Where a search begins, and how many it finds. */
export const searchPage = {
  start_index: z.int().min(0).max(100_000).default(0),
  count: z
    .int()
    .transform((wanted) => Math.min(Math.max(wanted, 1), MAX_FOUND))
    .default(MAX_FOUND),
};

/**
 * The body as a schema types it. The first rule that fails is the refusal: an absent member has one of its own, and a rule
 * may name another.
 */
export function readDocument<T>(schema: z.ZodType<T>, operation: string, request: OperationRequest): T {
  const { document, spelling } = request;
  const given: object = document ?? {};
  for (const { name, missing } of spelling.required[operation] ?? []) {
    if (!Object.hasOwn(given, name)) throw new Refusal(missing);
  }
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const { path, message } = issue;
  if (issue.code === "unrecognized_keys") throw new Refusal("parameter_malformed", { slots: { name: issue.keys[0]! } });
  const named = path.findLast((part) => typeof part === "string") ?? "body";
  const name = spelling.members?.[named] ?? named;
  if (valueAt(given, path) === undefined) throw new Refusal("member_unspecified", { slots: { name } });
  if (message === "url_malformed") throw new Refusal(message, { slots: { url: String(valueAt(given, path)) } });
  if (message === "rule_names_nobody" || message === "rule_ends_early") {
    throw new Refusal(message, { slots: { rule: String(Number(path.at(-1)) + 1) } });
  }
  throw new Refusal("parameter_malformed", { slots: { name } });
}

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (value instanceof Object ? (value as Record<PropertyKey, unknown>)[part] : undefined),
    document,
  );
}

/** The id that the path names, or the body where this dialect has it there. */
export function idOf({ path, document }: OperationRequest): string {
  const { _id, id = _id } = (document ?? {}) as { id?: unknown; _id?: unknown };
  const named = path.id ?? id;
  if (named === undefined) throw new Refusal("member_unspecified", { slots: { name: "id" } });
  return typeof named === "string" && ID.test(named) ? named : "";
}
