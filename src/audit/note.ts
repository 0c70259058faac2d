import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from "node:crypto";

/**
 * Signed notes (c2sp.org/signed-note): a text, an empty line, and lines with signatures. Ed25519 is the only algorithm here.
 */

/** The type of an Ed25519 signature. */
const ED25519 = 0x01;

/** The headers of an Ed25519 key in PKCS #8 and in SPKI (RFC 8410), which go before its 32 bytes. */
const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** A public key with its name, as it was written: NAME+ID+BASE64. */
export interface NoteKey {
  readonly name: string;
  readonly id: number;
  readonly bytes: Buffer;
  readonly text: string;
}

/** A key that signs notes. */
export interface NoteSigner {
  readonly key: NoteKey;
  readonly privateKey: KeyObject;
}

/** @param seed the private key, 32 bytes (RFC 8032 section 5.1.5) */
export function noteSigner(name: string, seed: Uint8Array): NoteSigner {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: "der", type: "pkcs8" });
  const bytes = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(SPKI.length);
  return { key: noteKey(name, bytes), privateKey };
}

/** A public key by its name and its 32 bytes. */
export function noteKey(name: string, bytes: Buffer): NoteKey {
  const typed = Buffer.concat([Buffer.of(ED25519), bytes]);
  const id = createHash("sha256").update(`${name}\n`).update(typed).digest().readUInt32BE(0);
  return { name, id, bytes, text: `${name}+${id.toString(16).padStart(8, "0")}+${typed.toString("base64")}` };
}

/** Reads a public key; undefined for any other text. */
export function readNoteKey(text: string): NoteKey | undefined {
  const [, name, encoded] = /^([^\s+]+)\+[0-9a-f]{8}\+([A-Za-z0-9+/]+=*)$/u.exec(text.trim()) ?? [];
  if (name === undefined) return undefined;
  const typed = Buffer.from(encoded!, "base64");
  if (typed.length !== 33 || typed[0] !== ED25519) return undefined;
  const key = noteKey(name, typed.subarray(1));
  return key.text === text.trim() ? key : undefined;
}

/** The bytes of a signature over a text. */
export function signText({ privateKey }: NoteSigner, text: string): Buffer {
  return sign(null, Buffer.from(text), privateKey);
}

/** A note with one signature. @param text ends with a line break */
export function writeNote({ name, id }: NoteKey, text: string, signature: Uint8Array): string {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(id);
  return `${text}\n\u2014 ${name} ${Buffer.concat([prefix, signature]).toString("base64")}\n`;
}

/** Whether a signature over a text is genuine. */
export function isSignature({ bytes }: NoteKey, text: string, signature: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: "der", type: "spki" });
  return signature.length === 64 && verify(null, Buffer.from(text), key, signature);
}

/** The longest note that is read, in characters. A checkpoint with many cosignatures has a few thousand. */
const MAX_NOTE = 100_000;

const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;

/**
 * The text of a note that this key signed. Signatures by other keys are ignored.
 * @returns undefined if the note is malformed, or has no signature of the key, or a false one
 */
export function openNote(note: string, key: NoteKey): string | undefined {
  const end = note.lastIndexOf("\n\n");
  if (end === -1 || note.length > MAX_NOTE || CONTROL.test(note) || !note.endsWith("\n")) return undefined;
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2, -1).split("\n");
  const signatures = lines.map((line) => /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/u.exec(line));
  if (signatures.includes(null)) return undefined;
  const own = signatures
    .filter((one) => one![1] === key.name)
    .map((one) => Buffer.from(one![2]!, "base64"))
    .filter((bytes) => bytes.length > 4 && bytes.readUInt32BE(0) === key.id);
  const isGenuine = own.length > 0 && own.every((bytes) => isSignature(key, text, bytes.subarray(4)));
  return isGenuine ? text : undefined;
}
