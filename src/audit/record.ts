import { z } from "zod";

/** A record as the log keeps it: the text that a trigger wrote, with its number in the log before it. */

/** The table that records about the log itself name. */
export const LOG = "audit_log";

const record = z.looseObject({
  id: z.string(),
  at: z.string(),
  by: z.looseObject({}),
  what: z.string(),
  table: z.string(),
  of: z.string(),
  user: z.string().optional(),
  client: z.string().optional(),
  before: z.record(z.string(), z.unknown()).optional(),
  after: z.record(z.string(), z.unknown()).optional(),
});

export type AuditRecord = z.output<typeof record> & { readonly tree: number; readonly index: number };

/** The number of a record over all trees, as commands take it. */
export function recordId(tree: number, index: number): string {
  return `${tree}-${index}`;
}

/** Reads the number of a record; undefined for any other text. */
export function readRecordId(text: string): { readonly tree: number; readonly index: number } | undefined {
  const [, tree, index] = /^([1-9]\d{0,8})-(0|[1-9]\d{0,14})$/.exec(text) ?? [];
  return tree === undefined ? undefined : { tree: Number(tree), index: Number(index) };
}

/** The text of a record with its number and its time. @param written an object of JSON with members */
export function numbered(
  written: string,
  { tree, index, at }: { readonly tree: number; readonly index: number; readonly at: string },
): string {
  return `{"id": "${recordId(tree, index)}", "at": "${at}", ${written.slice(1)}`;
}

/** Reads a record; undefined for any other text. */
export function readRecord(text: string): AuditRecord | undefined {
  try {
    const { data } = record.safeParse(JSON.parse(text));
    const number = data && readRecordId(data.id);
    return number && { ...data, ...number };
  } catch {
    return undefined;
  }
}
