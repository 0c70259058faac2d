import type { Random } from "../clock.js";
import { OperatorError } from "../errors/operator-error.js";
import type { MasterKey } from "../keys/master-key.js";
import { addTree, type AuditTree } from "../store/audit-trees.js";
import type { Transaction } from "../store/open.js";
import { noteSigner, readNoteKey, type NoteSigner } from "./note.js";

/** The keys and names of the trees. */
export interface Keeper {
  readonly master: MasterKey;
  readonly random: Random;
  /** The issuer identifier, empty if it is not known. */
  readonly issuer: string;
}

/** Bytes of a private key, and of the part of an origin that makes it unique. */
const SEED = 32;
const UNIQUE = 6;

/** The key that signs the checkpoints of a tree. @throws OperatorError if it cannot be opened */
export function signerOf(
  { master }: Pick<Keeper, "master">,
  { sealed, public_key }: Pick<AuditTree, "sealed" | "public_key">,
): NoteSigner {
  const seed = master.open("audit-key", sealed);
  const name = readNoteKey(public_key)?.name;
  const signer = seed === undefined || name === undefined ? undefined : noteSigner(name, seed);
  if (signer?.key.text !== public_key) {
    throw new OperatorError("the key of the audit log cannot be opened with this master key, or was replaced by hand");
  }
  return signer;
}

/**
 * Begins a tree. All trees of a deployment have one key, and each an origin of its own, so that no origin has two histories.
 * @param before the last tree
 */
export async function beginTree(
  { master, random, issuer }: Keeper,
  tx: Transaction,
  { era, before }: { readonly era: number; readonly before: AuditTree | undefined },
): Promise<AuditTree> {
  const seed = before === undefined ? random(SEED) : master.open("audit-key", before.sealed);
  if (seed === undefined) throw new OperatorError("the key of the audit log cannot be opened with this master key");
  const { key } = noteSigner(nameOf(issuer, random), seed);
  const sealed = master.seal("audit-key", seed);
  return addTree(tx, { tree: (before?.tree ?? 0) + 1, era, public_key: key.text, sealed });
}

/** The origin of a tree: a URL without a scheme that nothing has to answer (c2sp.org/tlog-checkpoint). */
function nameOf(issuer: string, random: Random): string {
  const { host, pathname } = new URL(issuer === "" ? "https://localhost" : issuer);
  return `${host}${pathname.replace(/\/$/, "")}/audit/${random(UNIQUE).toString("hex")}`.replaceAll("+", "-");
}
