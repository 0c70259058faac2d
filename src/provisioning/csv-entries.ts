import { Readable } from "node:stream";
import { z } from "zod";
import { sectionOf, UNKNOWN } from "./line-entries.js";
import { countLines, MAX_ENTRY, ProvisioningError, type RawEntry } from "./raw-entry.js";
import { SECTIONS, type Section } from "./schema.js";
import { unwrap } from "./value-kind.js";

/**
 * Reads a provisioning file of comma-separated values (RFC 4180): the first line has the keys, each further one an entry. An
 * empty field is an absent key. The keys determine the section.
 */
export async function* csvEntries(pieces: AsyncIterable<string>): AsyncGenerator<RawEntry> {
  // Few deployments have such a file, so a server does not load the parser at its start.
  const { parse } = await import("csv-parse");
  const [delimiter, all] = await lookAhead(pieces);
  const options = {
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_ENTRY,
  };
  const records = Readable.from(all, { objectMode: false }).pipe(parse(options));
  let reader: Reader | undefined;
  try {
    for await (const { record, info } of records as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      // A quoted field may have line breaks. The entry begins before them.
      const line = info.lines - record.reduce((sum, field) => sum + countLines(field, 0, field.length), 0);
      if (reader === undefined) reader = readerFor(record);
      else yield entryOf(reader, record, line);
    }
  } catch (error) {
    if (!(error instanceof Error) || !("lines" in error)) throw error;
    throw new ProvisioningError(
      `line ${String(error.lines)}: is not CSV: ${FAULTS[String((error as { code?: string }).code)] ?? "a quote is missing"}`,
    );
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  CSV_MAX_RECORD_SIZE: `it is longer than ${MAX_ENTRY} characters, or a quote is missing`,
  CSV_QUOTE_NOT_CLOSED: "a quote is not closed",
  CSV_INVALID_CLOSING_QUOTE: "something stands behind a closing quote",
  INVALID_OPENING_QUOTE: "a quote stands inside a field that does not begin with one",
};

interface Reader {
  readonly section: Section;
  readonly columns: readonly { readonly name: string; readonly read: (field: string) => unknown }[];
}

/** @throws ProvisioningError if the first line does not hold the keys of entries */
function readerFor(names: readonly string[]): Reader {
  const keys = names.map((name) => name.trim());
  const section = sectionOf(Object.fromEntries(keys.map((key) => [key, true])));
  if (section === undefined) throw new ProvisioningError(`line 1: ${UNKNOWN}`);
  const repeated = keys.find((key, index) => key === "" || keys.indexOf(key) !== index);
  if (repeated !== undefined)
    throw new ProvisioningError(`line 1: ${repeated === "" ? "a column without a name" : `${repeated} stands twice`}`);
  const shape: Readonly<Record<string, z.ZodType>> = SECTIONS[section].entry.shape;
  return {
    section,
    columns: keys.map((name) => ({ name, read: fieldReader(Object.hasOwn(shape, name) ? shape[name] : undefined) })),
  };
}

/** Reads a field according to the kind of value of its key. */
function fieldReader(schema: z.ZodType | undefined): (field: string) => unknown {
  const kind = schema === undefined ? undefined : unwrap(schema);
  if (kind instanceof z.ZodBoolean) return (field) => ({ true: true, false: false })[field.toLowerCase()] ?? field;
  if (kind instanceof z.ZodNumber) return (field) => (field.trim() === "" ? field : Number(field));
  if (kind instanceof z.ZodArray)
    return (field) => (field.startsWith("[") ? json(field) : field.split(/[\s;]+/).filter(Boolean));
  // A claim or a key set that looks like JSON is read as JSON. Other fields are texts.
  return kind === undefined || kind instanceof z.ZodObject
    ? (field) => (/^[[{]/.test(field) ? json(field) : field)
    : (field) => field;
}

function json(field: string): unknown {
  try {
    return JSON.parse(field) as unknown;
  } catch {
    return field;
  }
}

function entryOf({ section, columns }: Reader, record: readonly string[], line: number): RawEntry {
  const place = { name: `line ${line}`, line, hasOwnLines: true };
  if (record.length !== columns.length) {
    return { place, fault: `has ${record.length} fields, and the first line has ${columns.length}` };
  }
  const fields = columns.flatMap(({ name, read }, index) =>
    record[index] === "" ? [] : [[name, read(record[index]!)]],
  );
  return { place, section, raw: Object.fromEntries(fields) as unknown };
}

/** The delimiter, and all the pieces again. Spreadsheets write semicolons in locales with a decimal comma. */
async function lookAhead(pieces: AsyncIterable<string>): Promise<readonly [string, AsyncIterable<string>]> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = first.done === true ? "" : first.value.split("\n")[0]!;
  const delimiter = [",", ";", "\t"].find((one) => head.includes(one)) ?? ",";
  async function* all() {
    for (let next = first; next.done !== true; next = await iterator.next()) yield next.value;
  }
  return [delimiter, all()];
}
