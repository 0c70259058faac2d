import { z } from "zod";

/**
 * The lines of an exported log, each a JSON object: for each tree its head, its records in order, and its last checkpoint. A
 * record is a text in the line, because its commitment is over its very bytes. Bytes are in base64.
 */

const number = z.number().int().nonnegative();

/** Begins a tree. */
const head = z.strictObject({
  jeton_audit: z.literal(1),
  tree: number,
  public_key: z.string(),
  /** The first record that is kept. If earlier ones were cut: their signed checkpoint, and the hashes of their subtrees. */
  first: number,
  cut: z.string().nullable(),
  subtrees: z.array(z.string()),
});

/** A record with its salt. Of one that was erased only the commitment is left. */
const entry = z.strictObject({
  index: number,
  record: z.string().optional(),
  salt: z.string().optional(),
  commitment: z.string().optional(),
  /** Over the checkpoint of the tree that ends with this record. */
  signature: z.string(),
});

/** Ends a tree. The tree has no checkpoint before its first record. */
const end = z.strictObject({ size: number, checkpoint: z.string().nullable() });

export type HeadLine = z.output<typeof head>;
export type EntryLine = z.output<typeof entry>;
export type EndLine = z.output<typeof end>;
export type Line = HeadLine | EntryLine | EndLine;

const line = z.union([entry, head, end]);

/** Reads a line; undefined if it is none. */
export function readLine(text: string): Line | undefined {
  try {
    return line.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
