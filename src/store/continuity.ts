import { OperatorError } from "../errors/operator-error.js";
import { codeOf } from "../errors/error-code.js";
import { run, type Db } from "./open.js";

/**
 * Whether the database went on, or was restored from a backup and so has forgotten what was revoked since. A row knows
 * in `xmin` which transaction wrote it, through crashes, vacuums, replication and pg_upgrade. The two witnesses also say
 * it in a column, and a row that was dumped and loaded has another writer. docs/decisions/0012 argues it.
 */

/** What the operator reads, in one line, instead of a server that believes revoked tokens. */
export class RestoredError extends OperatorError {
  constructor() {
    super(
      "this database was restored from a backup, and what was revoked since would work again: " +
        "run `jeton after-restore`, then start the server",
    );
  }
}

/** Both witnesses come from one COPY in a restore, so two different numbers cannot both fit by chance. */
const LOOK = {
  name: "continuity_look",
  text: `
    SELECT i.era, i.restored_at IS NOT NULL
             OR EXISTS (SELECT 1 FROM restore_witnesses w WHERE w.xmin::text::bigint <> w.xid % 4294967296)
             OR (i.system_identifier = $1 AND i.database_oid <> d.oid::bigint) AS restored,
           (SELECT count(*) = 2 FROM restore_witnesses) AS witnessed
    FROM installation i, pg_database d WHERE i.id = 1 AND d.datname = current_database()`,
};

interface Continuity {
  readonly era: number;
  readonly restored: boolean;
  readonly witnessed: boolean;
}

async function look(db: Db): Promise<Continuity> {
  const [found] = await run<Continuity>(db, LOOK, [await systemIdentifier(db)]);
  return found ?? { era: 0, restored: false, witnessed: false };
}

const SYSTEM = { name: "continuity_system", text: "SELECT system_identifier AS id FROM pg_control_system()" };

/** Which cluster this is; null where a provider keeps it secret. */
async function systemIdentifier(db: Db): Promise<string | null> {
  try {
    return (await run<{ id: string }>(db, SYSTEM, []))[0]!.id;
  } catch (error) {
    if (codeOf(error) === "42501") return null;
    throw error;
  }
}

/**
 * Makes sure that the database was not restored, and leaves the witnesses of it where there are none yet.
 * @throws RestoredError
 */
export async function refuseRestored(db: Db): Promise<void> {
  const { restored, witnessed } = await look(db);
  if (restored) throw new RestoredError();
  if (!witnessed) await bearWitness(db);
}

/** The number that what is remembered outside the database is bound to. */
export async function readEra(db: Db): Promise<number> {
  return (await look(db)).era;
}

const WITNESS = {
  name: "continuity_witness",
  text: "INSERT INTO restore_witnesses (id, xid) VALUES ($1, pg_current_xact_id()::text::bigint) ON CONFLICT DO NOTHING",
};

const PLACE = {
  name: "continuity_place",
  text: `
    UPDATE installation SET system_identifier = $1, database_oid = d.oid::bigint
    FROM pg_database d WHERE id = 1 AND d.datname = current_database()`,
};

/** Writes the witnesses in two transactions with a third between them, as a restore never does. */
async function bearWitness(db: Db): Promise<void> {
  await run(db, PLACE, [await systemIdentifier(db)]);
  await run(db, WITNESS, [1]);
  await run(db, { name: "continuity_between", text: "SELECT pg_current_xact_id()" }, []);
  await run(db, WITNESS, [2]);
}

/** Marks the database as restored, so that no server serves it before it is accepted. */
export async function markRestored(db: Db): Promise<void> {
  const text = "UPDATE installation SET restored_at = coalesce(restored_at, now()) WHERE id = 1";
  await run(db, { name: "continuity_mark", text }, []);
}

/** Begins the era that has the number of the deployment's epoch, which was just raised to one that never was. */
export async function beginEra(db: Db): Promise<void> {
  const text = "UPDATE installation SET era = (SELECT token_epoch FROM deployment_epoch) WHERE installation.id = 1";
  await run(db, { name: "continuity_era", text }, []);
}

/** Accepts the database as it is from here on. The mark goes last: whatever stops this leaves a database that asks. */
export async function acceptDatabase(db: Db): Promise<void> {
  await markRestored(db);
  await run(db, { name: "continuity_forget", text: "DELETE FROM restore_witnesses" }, []);
  await bearWitness(db);
  await run(db, { name: "continuity_accept", text: "UPDATE installation SET restored_at = NULL WHERE id = 1" }, []);
}
