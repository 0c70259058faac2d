import { forgetWhatWasGiven, oldStates } from "../store/after-restore.js";
import { backupLines } from "../store/backup.js";
import { acceptDatabase, beginEra, markRestored } from "../store/continuity.js";
import { endEverything } from "../store/epochs.js";
import { restore } from "../store/restore.js";
import { onlyWord } from "./arguments.js";
import { openBackupFile, writeBackupFile } from "./backup-file.js";
import type { BareCommand, BareContext, Command, CommandContext } from "./command.js";

async function backup(context: CommandContext): Promise<object> {
  const { core, deployment } = context;
  const file = onlyWord(context, "file to write");
  const lines = backupLines(deployment.url, core.master.fingerprint);
  const bytes = await writeBackupFile(file, lines, core.master.derive("backup"), core.random);
  return { file, bytes, master_key: core.master.fingerprint };
}

async function restoreFile(context: BareContext): Promise<object> {
  const { deployment, flags } = context;
  const { url, master } = deployment;
  const file = onlyWord(context, "backup");
  const { header, lines } = await openBackupFile(file, master);
  const rows = await restore(url, header, lines, flags.replace === true);
  return { file, created_at: header.created_at, rows, next: "jeton after-restore" };
}

/**
 * Revokes everything that may have been revoked after the backup. It may be stopped at any point and run again: only the
 * last step accepts the database.
 */
async function afterRestore({ core, flags }: CommandContext): Promise<readonly object[]> {
  const { db, ring, clock } = core;
  if (flags["nothing-lost"] === true) {
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
async function replaceEveryKey(ring: CommandContext["core"]["ring"]): Promise<void> {
  const old = new Set(ring.describe().map(({ kid }) => kid));
  const isOldInUse = () => ring.describe().some(({ kid, state }) => state !== "retired" && old.has(kid));
  while (isOldInUse()) await ring.rotate(true);
}

export const BACKUP_COMMANDS: readonly Command[] = [
  {
    name: "backup",
    takes: "FILE",
    does: "writes the whole database to a file, also while servers run; the master key is not included",
    run: backup,
  },
  {
    name: "after-restore",
    takes: "[--nothing-lost]",
    does: "revokes everything that may have been revoked since the backup, and lists clients and users whose state may be old",
    flags: { "nothing-lost": "switch" },
    run: afterRestore,
  },
];

export const RESTORE_COMMAND: BareCommand = {
  name: "restore",
  takes: "FILE [--replace]",
  does: "restores a backup into an empty database; --replace empties it first; needs the master key of the backup",
  flags: { replace: "switch" },
  runBare: restoreFile,
};
