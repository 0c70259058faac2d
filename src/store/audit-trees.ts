import { run, type Db, type Transaction } from "./open.js";

/** The trees of the audit log. Each is one append-only log with an origin of its own, and only the last one grows. */
export interface AuditTree {
  readonly tree: number;
  /** The era of the database in which it began (continuity.ts). */
  readonly era: number;
  readonly public_key: string;
  /** The private key, under the master key. */
  readonly sealed: Uint8Array;
  readonly size: number;
  readonly checkpoint: string | null;
  /** The first record that is kept. */
  readonly first: number;
  readonly cut: string | null;
}

const COLUMNS = "tree, era, public_key, sealed, size::float8 AS size, checkpoint, first::float8 AS first, cut";

const LAST = {
  name: "audit_tree_last",
  text: `SELECT ${COLUMNS} FROM audit_trees ORDER BY tree DESC LIMIT 1 FOR UPDATE`,
};

/** The last tree, locked until the transaction ends. */
export async function lockLastTree(tx: Transaction): Promise<AuditTree | undefined> {
  return (await run<AuditTree & Record<string, unknown>>(tx, LAST, []))[0];
}

const ALL = { name: "audit_trees_all", text: `SELECT ${COLUMNS} FROM audit_trees ORDER BY tree` };

/** Every tree, the first one first. */
export async function allTrees(where: Db | Transaction): Promise<readonly AuditTree[]> {
  return run<AuditTree & Record<string, unknown>>(where, ALL, []);
}

const ADD = {
  name: "audit_tree_add",
  text: `INSERT INTO audit_trees (tree, era, public_key, sealed) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
};

/** Begins a tree. */
export async function addTree(
  tx: Transaction,
  { tree, era, public_key, sealed }: Pick<AuditTree, "tree" | "era" | "public_key" | "sealed">,
): Promise<AuditTree> {
  return (await run<AuditTree & Record<string, unknown>>(tx, ADD, [tree, era, public_key, sealed]))[0]!;
}

const ADVANCE = {
  name: "audit_tree_advance",
  text: "UPDATE audit_trees SET size = $2, checkpoint = $3 WHERE tree = $1",
};

/** Records the new size of a tree, and its checkpoint. */
export async function advanceTree(
  tx: Transaction,
  { tree, size, checkpoint }: { readonly tree: number; readonly size: number; readonly checkpoint: string },
): Promise<void> {
  await run(tx, ADVANCE, [tree, size, checkpoint]);
}

/** Milliseconds until another instance may publish a checkpoint that one has begun to publish. */
const PUBLISHING = "30 seconds";

const CLAIM = {
  name: "audit_checkpoint_claim",
  text: `
    UPDATE audit_trees SET publishing_until = coalesce($1::timestamptz, now()) + interval '${PUBLISHING}'
    WHERE tree = (SELECT max(tree) FROM audit_trees) AND size > published
      AND coalesce(publishing_until <= coalesce($1::timestamptz, now()), true)
    RETURNING tree, size::float8 AS size, public_key, checkpoint`,
};

/** A checkpoint to publish. */
export interface Unpublished {
  readonly tree: number;
  readonly size: number;
  readonly public_key: string;
  readonly checkpoint: string;
}

/** Takes the last checkpoint for publication, unless it is published, or another instance is at it. */
export async function claimCheckpoint(db: Db, now: Date | null): Promise<Unpublished | undefined> {
  return (await run<Unpublished & Record<string, unknown>>(db, CLAIM, [now]))[0];
}

const PUBLISHED = {
  name: "audit_checkpoint_published",
  text: "UPDATE audit_trees SET published = greatest(published, $2), publishing_until = NULL WHERE tree = $1",
};

/** Records that a checkpoint was published. */
export async function markPublished(db: Db, { tree, size }: Pick<Unpublished, "tree" | "size">): Promise<void> {
  await run(db, PUBLISHED, [tree, size]);
}
