import { z } from "zod";
import { Refusal } from "../../errors/refusal.js";
import type { OperationRequest } from "../operations.js";

/** Reads JSON bodies of the protection API. */

/** The form of our ids. Any other text is the id of nothing. */
export const ID = /^[A-Za-z0-9_-]{22}$/;

/** Maximum length of a list of ids. */
const MAX_IDS = 1_000;

export const idList = z.array(z.string()).min(1).max(MAX_IDS);

/** A page of a list begins after this id. */
export const page = z.object({ after: z.string().regex(ID).optional() });

/** Ids on one page. */
export const PAGE_SIZE = 1_000;

/** Some ids of a list, and whether there are more after the last of them. */
export interface IdPage {
  readonly ids: readonly string[];
  readonly more: boolean;
}

/** A page of ids. The query fetches one extra row to learn whether there are more. */
export function pageOf(found: readonly string[]): IdPage {
  return { ids: found.slice(0, PAGE_SIZE), more: found.length > PAGE_SIZE };
}

/** Maximum number of results of one search. A larger `count` is reduced to it. */
const MAX_FOUND = 100;

/** The first result of a search, and the number of results. */
export const searchPage = {
  start_index: z.int().min(0).max(100_000).default(0),
  count: z
    .int()
    .transform((wanted) => Math.min(Math.max(wanted, 1), MAX_FOUND))
    .default(MAX_FOUND),
};

/**
 * Parses the body with a schema. The first rule that fails is the refusal. An absent member has a refusal of its own, and a
 * rule may name another one.
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

/** The id in the path, or in the body in a dialect that has it there. */
export function idOf({ path, document }: OperationRequest): string {
  const { _id, id = _id } = (document ?? {}) as { id?: unknown; _id?: unknown };
  const named = path.id ?? id;
  if (named === undefined) throw new Refusal("member_unspecified", { slots: { name: "id" } });
  return typeof named === "string" && ID.test(named) ? named : "";
}
