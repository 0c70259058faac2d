import { HASH_BYTES } from "./merkle.js";
import { openNote, type NoteKey } from "./note.js";

/** Checkpoints (c2sp.org/tlog-checkpoint): the size and the root of a log, as the text of a signed note. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** The text that is signed. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString("base64")}\n`;
}

const TEXT = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n([^\n]+\n)*$/;

/** Reads the text; undefined if it is none of a checkpoint. */
function readCheckpoint(text: string): Checkpoint | undefined {
  const [, origin, size, root] = TEXT.exec(text) ?? [];
  if (origin === undefined || !Number.isSafeInteger(Number(size))) return undefined;
  const bytes = Buffer.from(root!, "base64");
  return bytes.length === HASH_BYTES ? { origin, size: Number(size), root: bytes } : undefined;
}

/** The checkpoint of a note that this key signed; undefined if the note is none. */
export function openCheckpoint(note: string, key: NoteKey): Checkpoint | undefined {
  const text = openNote(note, key);
  const checkpoint = text === undefined ? undefined : readCheckpoint(text);
  return checkpoint?.origin === key.name ? checkpoint : undefined;
}

/** The origin of a note, which says which log it belongs to. It is not verified. */
export function originOf(note: string): string {
  return note.slice(0, note.indexOf("\n"));
}
