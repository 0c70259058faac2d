import { createHash, createPublicKey, verify } from "node:crypto";

/**
 * What RFC 6962 and c2sp.org say of transparency logs, word by word and as slow as that is: another implementation than that of
 * the product, which tests compare it with.
 */

/** SHA-256 over some bytes, one after the other. */
export const sha256 = (...parts: readonly Uint8Array[]) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** k of RFC 6962 section 2.1: the largest power of two smaller than n. */
function largestPowerBelow(n: number): number {
  return 2 ** Math.ceil(Math.log2(n) - 1);
}

/** MTH(D[n]) of RFC 6962 section 2.1. */
export function merkleTreeHash(entries: readonly Uint8Array[]): Buffer {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(Buffer.of(0), entries[0]!);
  const k = largestPowerBelow(entries.length);
  return sha256(Buffer.of(1), merkleTreeHash(entries.slice(0, k)), merkleTreeHash(entries.slice(k)));
}

/** PATH(m, D[n]) of RFC 6962 section 2.1.1. */
export function auditPath(m: number, entries: readonly Uint8Array[]): Buffer[] {
  if (entries.length === 1) return [];
  const k = largestPowerBelow(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return m < k ? [...auditPath(m, left), merkleTreeHash(right)] : [...auditPath(m - k, right), merkleTreeHash(left)];
}

/** The root of a tree of n leaves that a path of leaf m leads to, by the definition of the path. */
function rootBy(leaf: Uint8Array, m: number, n: number, path: readonly Uint8Array[]): Buffer {
  if (n === 1) return Buffer.from(leaf);
  const k = largestPowerBelow(n);
  const sibling = path.at(-1)!;
  return m < k
    ? sha256(Buffer.of(1), rootBy(leaf, m, k, path.slice(0, -1)), sibling)
    : sha256(Buffer.of(1), sibling, rootBy(leaf, m - k, n - k, path.slice(0, -1)));
}

/** Opens a checkpoint with a key as c2sp.org/signed-note writes it. @throws Error if the key did not sign it */
export function openSignedCheckpoint(note: string, vkey: string): { origin: string; size: number; root: Buffer } {
  const [name = "", id = "", encoded = ""] = vkey.split("+");
  const typed = Buffer.from(vkey.slice(name.length + id.length + 2), "base64");
  if (encoded === "" || typed[0] !== 1) throw new Error("the key is not one of Ed25519");
  const expectedId = sha256(Buffer.from(`${name}\n`), typed).subarray(0, 4);
  if (expectedId.toString("hex") !== id) throw new Error("the key has another id");
  const [text, signatures] = note.split("\n\n") as [string, string];
  const prefix = `\u2014 ${name} `;
  const line = signatures.split("\n").find((one) => one.startsWith(prefix));
  const bytes = Buffer.from(line!.slice(prefix.length), "base64");
  if (!bytes.subarray(0, 4).equals(expectedId)) throw new Error("another key signed it");
  const jwk = { kty: "OKP", crv: "Ed25519", x: typed.subarray(1).toString("base64url") };
  const key = createPublicKey({ key: jwk, format: "jwk" });
  if (!verify(null, Buffer.from(`${text}\n`), key, bytes.subarray(4))) throw new Error("the signature is false");
  const [origin, size, root] = text.split("\n") as [string, string, string];
  return { origin, size: Number(size), root: Buffer.from(root, "base64") };
}

/** Checks a c2sp.org/tlog-proof whose extra data are a record and its salt. @returns the record @throws Error */
export function checkTlogProof(text: string, vkey: string): Record<string, unknown> {
  const [head, ...rest] = text.split("\n\n") as [string, ...string[]];
  const [format, extra, index, ...path] = head.split("\n") as [string, string, string, ...string[]];
  if (format !== "c2sp.org/tlog-proof@v1") throw new Error("another format");
  const { salt, record } = JSON.parse(Buffer.from(extra.slice("extra ".length), "base64").toString()) as {
    salt: string;
    record: string;
  };
  const entry = sha256(Buffer.from(salt, "base64"), Buffer.from(record));
  const leaf = sha256(Buffer.of(0), entry);
  const { size, root } = openSignedCheckpoint(rest.join("\n\n"), vkey);
  const hashes = path.map((one) => Buffer.from(one, "base64"));
  const found = rootBy(leaf, Number(index.slice("index ".length)), size, hashes);
  if (!found.equals(root)) throw new Error("the proof leads to another root");
  return JSON.parse(record) as Record<string, unknown>;
}
