import { z } from "zod";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { findKeyRecord } from "../store/installation.js";
import { countDependents, recordMasterKey, SEALED } from "../store/sealed.js";
import { localCommand, type AnyCommand, type CommandContext } from "./command.js";

/** Rows that are sealed again in one transaction. */
const PAGE = 500;

/** Lifetimes that do not depend on a client, in seconds (docs/decisions/0017). */
const DAY = 24 * 60 * 60;
const PERSISTED_CLAIMS = 14 * DAY;
const KNOWN_BROWSERS = 365 * DAY;

/**
 * Seals everything again under MASTER_KEY while servers run, and reports until when the earlier keys are needed. It may be
 * stopped at any point and run again: rows that are sealed under the new key are skipped.
 */
async function rotate({ core, report }: CommandContext<unknown>) {
  const { db, master, clock } = core;
  const before = await findKeyRecord(db);
  if (before?.master_key_fingerprint === master.fingerprint && before.master_key_since === null) {
    throw new OperatorError(
      "everything is sealed under this master key: set MASTER_KEY to a new key and MASTER_KEY_PREVIOUS to this one first",
    );
  }
  const sealed = [];
  for (const one of SEALED) {
    const rows = await resealEach(core, one);
    report(`${one.of}: ${rows} sealed again`);
    sealed.push({ kind: one.of, sealed_again: rows });
  }
  const since = await recordMasterKey(db, {
    fingerprint: master.fingerprint,
    lasting_keys: master.sealLasting(),
    now: clock.statement(),
  });
  return [...sealed, ...(await dependents(core, since))];
}

async function resealEach({ db, master }: Core, { purpose, kind }: (typeof SEALED)[number]): Promise<number> {
  let sealedAgain = 0;
  for (let after = ""; ;) {
    const rows = await kind.page(db.prisma, after, PAGE);
    const last = rows.at(-1);
    if (last === undefined) return sealedAgain;
    const changed = rows.flatMap((row) => {
      const resealed = master.reseal(purpose, row.sealed);
      return resealed === undefined ? [] : { ...row, resealed };
    });
    if (changed.length > 0) sealedAgain += await kind.replace(db.prisma, changed);
    after = last.id;
  }
}

/** Reports which rows still depend on the earlier keys: some are renewed at their next use, the others expire. */
async function dependents({ db, master }: Core, since: Date) {
  const mark = { text: master.keyId.toString("base64"), bytes: master.keyId };
  const found = await countDependents(db, mark);
  const until = (seconds: number) => new Date(since.getTime() + seconds * 1000).toISOString();
  const lifetimes = {
    "refresh tokens": found.refresh_token_lifetime,
    "opaque access tokens": found.opaque_token_lifetime,
    "persisted claims tokens": PERSISTED_CLAIMS,
    "codes, tickets and forms": DAY,
  };
  const needed_until = until(Math.max(...Object.values(lifetimes)));
  return [
    ...Object.entries(lifetimes).map(([kind, seconds]) => ({ kind, needed_until: until(seconds) })),
    {
      kind: "known browsers",
      needed_until: until(KNOWN_BROWSERS),
      afterwards: "they count as unknown until their next login",
    },
    {
      kind: "passwords",
      under_an_earlier_key: found.passwords,
      renewed: "at the next login; without it they have to be set again",
    },
    {
      kind: "hashed client secrets",
      under_an_earlier_key: found.client_secrets,
      renewed: "at the next use; without it they have to be rotated",
    },
    {
      kind: "earlier master keys",
      may_be_destroyed: needed_until,
      if: "no password or secret above depends on them, and no backup from before is kept",
    },
  ];
}

export const MASTER_KEY_COMMANDS: readonly AnyCommand[] = [
  localCommand({
    name: "master-key rotate",
    does: "seals everything again under MASTER_KEY, and reports when the keys of MASTER_KEY_PREVIOUS may be destroyed",
    local: "It needs the settings with both master keys, which a server may not have yet.",
    input: z.strictObject({}),
    output: z.array(z.looseObject({ kind: z.string() })),
    run: rotate,
  }),
];
