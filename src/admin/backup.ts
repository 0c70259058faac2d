import { z } from "zod";
import { forgetWhatWasGiven, oldStates } from "../store/after-restore.js";
import { backupLines } from "../store/backup.js";
import { acceptDatabase, beginEra, markRestored } from "../store/continuity.js";
import { endEverything } from "../store/epochs.js";
import { restore } from "../store/restore.js";
import { file } from "./arguments.js";
import { openBackupFile, writeBackupFile } from "./backup-file.js";
import { bareCommand, localCommand, type AnyCommand, type BareContext, type LocalContext } from "./command.js";

async function backup({ core, deployment, input: { file } }: LocalContext<{ readonly file: string }>) {
  const lines = backupLines(deployment.url, core.master.fingerprint);
  const bytes = await writeBackupFile(file, lines, core.master.derive("backup"), core.random);
  return { file, bytes, master_key: core.master.fingerprint };
}

async function restoreFile({ deployment, input }: BareContext<{ readonly file: string; readonly replace: boolean }>) {
  const { url, master } = deployment;
  const { file, replace } = input;
  const { header, lines } = await openBackupFile(file, master);
  const rows = await restore(url, header, lines, replace);
  return { file, created_at: header.created_at, rows, next: "jeton after-restore" };
}

/**
 * Revokes everything that may have been revoked after the backup. It may be stopped at any point and run again: only the
 * last step accepts the database.
 */
async function afterRestore({ core, input }: LocalContext<{ readonly nothing_lost: boolean }>) {
  const { db, ring, clock } = core;
  if (input.nothing_lost) {
    await acceptDatabase(db);
    return [{ kind: "accepted", ended: "nothing" }];
  }
  await markRestored(db);
  await endEverything(db, clock.statement());
  await beginEra(db);
  const forgotten = await forgetWhatWasGiven(db);
  await replaceEveryKey(ring);
  await acceptDatabase(db);
  const { clients, users, more_users } = await oldStates(db);
  return [
    { kind: "ended", all: true, emptied: forgotten, keys: "replaced" },
    ...clients.map((one) => ({ kind: "client", ...one })),
    ...users.map((one) => ({ kind: "user", ...one })),
    ...(more_users === 0 ? [] : [{ kind: "more_users", count: more_users }]),
  ];
}

/** Any key of the backup may have leaked since, even one that has not signed yet: all of them are replaced. */
async function replaceEveryKey(ring: LocalContext<unknown>["core"]["ring"]): Promise<void> {
  const old = new Set(ring.describe().map(({ kid }) => kid));
  const isOldInUse = () => ring.describe().some(({ kid, state }) => state !== "retired" && old.has(kid));
  while (isOldInUse()) await ring.rotate(true);
}

const replace = z.boolean().default(false).meta({ description: "empty the database first" });

export const BACKUP_COMMANDS: readonly AnyCommand[] = [
  localCommand({
    name: "backup",
    does: "writes the whole database to a file, also while servers run; the master key is not included",
    local: "It writes a file of the machine.",
    subject: "file",
    input: z.strictObject({ file: file.meta({ description: "file to write" }) }),
    output: z.object({ file: z.string(), bytes: z.int(), master_key: z.string() }),
    run: backup,
  }),
  localCommand({
    name: "after-restore",
    does: "revokes everything that may have been revoked since the backup, and lists clients and users whose state may be old",
    local: "No server starts on a restored database before it.",
    input: z.strictObject({
      nothing_lost: z.boolean().default(false).meta({ description: "accept the database as it is" }),
    }),
    output: z.array(z.looseObject({ kind: z.string() })),
    run: afterRestore,
  }),
];

/** The commands that fill an empty database. */
export const RESTORE_COMMANDS: readonly AnyCommand[] = [
  bareCommand({
    name: "restore",
    does: "restores a backup into an empty database; --replace empties it first; needs the master key of the backup",
    local: "It reads a file of the machine, and no server runs on the database.",
    subject: "file",
    input: z.strictObject({ file: file.meta({ description: "backup" }), replace }),
    output: z.object({
      file: z.string(),
      created_at: z.string(),
      rows: z.record(z.string(), z.int()),
      next: z.string(),
    }),
    runBare: restoreFile,
  }),
];
