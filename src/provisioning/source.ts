import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { OperatorError } from "../errors/operator-error.js";
import { csvEntries } from "./csv-entries.js";
import { JsonEntries } from "./json-entries.js";
import { lineEntries } from "./line-entries.js";
import { ProvisioningError, type RawEntry } from "./raw-entry.js";

/** A provisioning file, which may be read several times. */
export interface Source {
  /** The entries in their order. @throws OperatorError if the rest of the file cannot be read */
  entries(): AsyncIterable<RawEntry>;
  /** Whether the file may be larger than the memory. */
  readonly isLarge: boolean;
}

/** Largest size of a file that counts as small, in bytes. */
const MAX_SMALL = 1_000_000;

type Pieces = AsyncIterable<string>;

/** The reader for each file extension. Any other file is one JSON document. */
const FORMATS: Readonly<Record<string, (pieces: Pieces) => AsyncIterable<RawEntry>>> = {
  ".jsonl": lineEntries,
  ".ndjson": lineEntries,
  ".csv": csvEntries,
};

/** A JSON document in memory. */
export function textSource(text: string): Source {
  return { entries: () => jsonEntries(textPieces([Buffer.from(text)])), isLarge: false };
}

/** Opens a file of any format. @throws OperatorError if it cannot be read */
export async function fileSource(path: string): Promise<Source> {
  const read = FORMATS[/\.[a-z]+$/i.exec(path)?.[0].toLowerCase() ?? ""] ?? jsonEntries;
  const info = await stat(path).catch(unreadable(path));
  // A pipe can be read only once.
  const content = info.isFile() ? undefined : await readFile(path).catch(unreadable(path));
  const entries = () => read(textPieces(content === undefined ? bytesOf(path) : [content]));
  return { entries, isLarge: info.size > MAX_SMALL };
}

async function* jsonEntries(pieces: Pieces): AsyncGenerator<RawEntry> {
  const reader = new JsonEntries();
  for await (const piece of pieces) yield* reader.push(piece);
  reader.end();
}

async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path) as AsyncIterable<Buffer>;
  } catch (error) {
    unreadable(path)(error);
  }
}

/** Decodes bytes, without a byte order mark. @throws ProvisioningError if they are not UTF-8 */
async function* textPieces(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Pieces & AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 1;
  try {
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true });
      yield text;
      line += text.split("\n").length - 1;
    }
    yield decoder.decode();
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw error;
    throw new ProvisioningError(`it is not UTF-8 (after line ${line})`);
  }
}

function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new OperatorError(`${path} cannot be read (${code})`);
  };
}
