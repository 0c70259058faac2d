import { openCheckpoint, type Checkpoint } from "./checkpoint.js";
import { HASH_BYTES, leafHash, rootOfProof } from "./merkle.js";
import type { NoteKey } from "./note.js";
import { commitmentTo, type OpenEntry } from "./entry.js";

/**
 * The proof that a log contains a record (c2sp.org/tlog-proof). Its extra data are the record and its salt, so that the file
 * alone, with the public key, is enough.
 */

const FORMAT = "c2sp.org/tlog-proof@v1";

interface Proof {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The checkpoint as a signed note. */
  readonly checkpoint: string;
  readonly entry: OpenEntry;
}

export function writeProof({ index, hashes, checkpoint, entry }: Proof): string {
  const extra = JSON.stringify({ salt: Buffer.from(entry.salt).toString("base64"), record: entry.record });
  const lines = [FORMAT, `extra ${Buffer.from(extra).toString("base64")}`, `index ${index}`];
  return [...lines, ...hashes.map((one) => Buffer.from(one).toString("base64")), "", checkpoint].join("\n");
}

/** Whether a text says that it is such a proof. */
export function isProof(text: string): boolean {
  return text.startsWith(`${FORMAT}\n`);
}

const HASH = /^[A-Za-z0-9+/]{43}=$/;

/** Reads a proof; undefined if it is malformed. */
export function readProof(text: string): Proof | undefined {
  const end = text.indexOf("\n\n");
  if (end === -1) return undefined;
  const [format, extra, index, ...hashes] = text.slice(0, end).split("\n");
  const [, encoded] = /^extra ([A-Za-z0-9+/]+=*)$/.exec(extra ?? "") ?? [];
  const [, number] = /^index (0|[1-9]\d{0,15})$/.exec(index ?? "") ?? [];
  if (format !== FORMAT || encoded === undefined || number === undefined) return undefined;
  if (!hashes.every((one) => HASH.test(one))) return undefined;
  const entry = readExtra(Buffer.from(encoded, "base64").toString("utf8"));
  if (entry === undefined) return undefined;
  const decoded = hashes.map((one) => Buffer.from(one, "base64"));
  return { index: Number(number), hashes: decoded, checkpoint: text.slice(end + 2), entry };
}

function readExtra(text: string): OpenEntry | undefined {
  try {
    const { salt, record } = JSON.parse(text) as { salt?: unknown; record?: unknown };
    if (typeof salt !== "string" || typeof record !== "string") return undefined;
    const bytes = Buffer.from(salt, "base64");
    return bytes.length === HASH_BYTES ? { salt: bytes, record } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Checks a proof.
 * @returns the checkpoint that it leads to, and the record; or why it proves nothing
 */
export function checkProof(
  { index, hashes, checkpoint, entry }: Proof,
  key: NoteKey,
): { readonly checkpoint: Checkpoint; readonly record: string } | { readonly fault: string } {
  const opened = openCheckpoint(checkpoint, key);
  if (opened === undefined) return { fault: "this key did not sign the checkpoint of the proof" };
  const root = rootOfProof(leafHash(commitmentTo(entry)), { index, size: opened.size, hashes });
  if (root === undefined) return { fault: "the proof does not fit its checkpoint" };
  if (!Buffer.from(root).equals(opened.root)) return { fault: `record ${index} is not in the log of the checkpoint` };
  return { checkpoint: opened, record: entry.record };
}
