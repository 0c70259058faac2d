import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import type { MasterKey } from "../keys/master-key.js";

/**
 * Pages of a list. A cursor is the position of the last item of a page, with a MAC over it, the command and its filters. So a
 * cursor that this server did not make, or made for another list, is refused.
 */

/** The most items of a page. */
export const MAX_ITEMS = 500;

/** The members of the input of each command that returns pages. */
export const PAGING = {
  limit: z.int().min(1).max(MAX_ITEMS).default(100).meta({ description: "most items of the page" }),
  cursor: z.string().max(4_096).optional().meta({ description: "next of the page before" }),
};

/** The sort key of an item. */
export type Position = readonly (string | number | boolean | null)[];

/** A page as a command returns it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** The position of the last item, if more follow. A page may be short and still have a next one. */
  readonly next?: Position | undefined;
}

/**
 * A page of the rows that were read.
 * @param rows the rows behind the last page, up to one more than the limit
 */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  positionOf: (row: Row) => Position,
  itemOf: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { items: shown.map(itemOf), next: last === undefined ? undefined : positionOf(last) };
}

/** A position of texts; empty texts for the first page. */
export function textsOf(position: Position | undefined, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(position?.[index] ?? ""));
}

/** The list that a cursor belongs to: a command, and its checked input. */
interface List {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** The text of a cursor. */
export function writeCursor(master: MasterKey, list: List, position: Position): string {
  const text = Buffer.from(JSON.stringify(position)).toString("base64url");
  return `${text}.${macOf(master, list, text).toString("base64url")}`;
}

/** @throws OperatorError if this server did not make the cursor, or made it for another list */
export function readCursor(master: MasterKey, list: List, cursor: string): Position {
  const [text = "", mac = ""] = cursor.split(".");
  const given = Buffer.from(mac, "base64url");
  const isOurs = master.accepted.some((one) => {
    const expected = macOf(one, list, text);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!isOurs) throw new OperatorError("cursor: is none of this list with these filters", "invalid");
  return JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Position;
}

function macOf(master: MasterKey, { name, input }: List, text: string): Buffer {
  const filters = Object.entries(input)
    .filter(([member, value]) => !Object.hasOwn(PAGING, member) && value !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  const key = master.derive("admin-cursor");
  return createHmac("sha256", key)
    .update(JSON.stringify([name, filters, text]))
    .digest()
    .subarray(0, 16);
}
