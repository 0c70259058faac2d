import { randomBytes } from "node:crypto";
import t from "tap";
import { Edge, leafHash, rootOfProof } from "../../src/audit/merkle.js";
import { noteKey, noteSigner, openNote, readNoteKey, signText, writeNote } from "../../src/audit/note.js";
import { hashOfRange, inclusionProof, partialTiles, TiledAppender, type ReadTile } from "../../src/audit/tiles.js";
import { auditPath, merkleTreeHash, openSignedCheckpoint } from "../support/transparency.js";

/** Sizes around the edges of tiles and of powers of two. */
const SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513, 1_000];

const ENTRIES = Array.from({ length: Math.max(...SIZES) }, () => randomBytes(32));

/** A tree in tiles, as a database keeps it. */
function store() {
  const tiles = new Map<string, Uint8Array>();
  const read: ReadTile = async (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array();
  return {
    tiles,
    read,
    append(from: number, to: number): Edge {
      const edge = partialTiles(from).map(({ level, index }) => ({
        level,
        index,
        hashes: tiles.get(`${level}/${index}`)!,
      }));
      const appender = TiledAppender.open(from, edge)!;
      for (const entry of ENTRIES.slice(from, to)) appender.push(leafHash(entry));
      for (const { level, index, hashes } of appender.takeChanged()) tiles.set(`${level}/${index}`, hashes);
      return appender.edge;
    },
  };
}

t.test("a tree that grows in steps has the hashes and proofs of RFC 6962", async (t) => {
  const { tiles, read, append } = store();
  let before = 0;
  for (const size of SIZES) {
    const edge = append(before, size);
    before = size;
    const entries = ENTRIES.slice(0, size);
    const root = merkleTreeHash(entries);
    t.strictSame([edge.size, edge.root], [size, root]);
    for (const earlier of SIZES.filter((one) => one <= size)) {
      const found = Buffer.from(await hashOfRange(read, 0, earlier));
      t.strictSame(found, merkleTreeHash(ENTRIES.slice(0, earlier)), `${earlier} of ${size}`);
    }
    for (const index of new Set(
      [0, 1, Math.floor(size / 3), size - 2, size - 1].filter((one) => one >= 0 && one < size),
    )) {
      const hashes = await inclusionProof(read, index, size);
      t.strictSame(
        hashes.map((one) => Buffer.from(one)),
        auditPath(index, entries),
        `record ${index} of ${size}`,
      );
      const leaf = leafHash(ENTRIES[index]!);
      t.strictSame(rootOfProof(leaf, { index, size, hashes }), root);
      t.notSame(rootOfProof(leafHash(randomBytes(32)), { index, size, hashes }), root);
      t.notSame(rootOfProof(leaf, { index: (index + 1) % size, size, hashes }), size === 1 ? undefined : root);
      t.equal(rootOfProof(leaf, { index: size, size, hashes }), undefined);
      t.equal(rootOfProof(leaf, { index, size, hashes: [...hashes, randomBytes(32)] }), undefined);
      if (size > 1) t.not(rootOfProof(leaf, { index, size, hashes: hashes.slice(1) }), root);
    }
  }
  t.strictSame([...tiles.keys()].sort(), ["0/0", "0/1", "0/2", "0/3", "1/0"]);
  t.equal(TiledAppender.open(300, []), undefined, "no tree is continued without its tiles");
});

t.test("a note is opened by the key that signed it, and by no other", async (t) => {
  const signer = noteSigner("example.com/log", Buffer.alloc(32, 1));
  const text = `example.com/log\n3\n${randomBytes(32).toString("base64")}\n`;
  const note = writeNote(signer.key, text, signText(signer, text));
  t.equal(openNote(note, signer.key), text);
  t.equal(openSignedCheckpoint(note, signer.key.text).size, 3);
  t.strictSame(readNoteKey(signer.key.text), signer.key);

  const other = noteSigner("example.com/log", Buffer.alloc(32, 2)).key;
  const witnessed = `${note}\u2014 witness.example ${randomBytes(76).toString("base64")}\n`;
  t.equal(openNote(witnessed, signer.key), text, "signatures of unknown keys are ignored");
  const refused = {
    "another key": [note, other],
    "another name": [note, noteKey("example.com/other", signer.key.bytes)],
    "another text": [note.replace("\n3\n", "\n4\n"), signer.key],
    "no signature": [`${text}\n`, signer.key],
    "no line break at the end": [note.slice(0, -1), signer.key],
    "a control character": [note.replace("example", "exam\tple"), signer.key],
    "a line that is no signature": [`${note}hello\n`, signer.key],
    "a second, false signature of the key": [
      note + note.slice(note.indexOf("\u2014")).replace(/.{8}=*\n$/, "AAAAAAAA\n"),
      signer.key,
    ],
    nothing: ["", signer.key],
  } as const;
  for (const [name, [given, key]] of Object.entries(refused)) t.equal(openNote(given, key), undefined, name);
  for (const text of ["", "a+b", `${signer.key.text}A`, signer.key.text.replace("+", "+0"), "a b+00000000+AQ=="]) {
    t.equal(readNoteKey(text), undefined, text);
  }
});
