import { OperatorError } from "../errors/operator-error.js";
import { codeOf } from "../errors/error-code.js";
import { run, type Db } from "./open.js";

/**
 * Detects a database that was restored from a backup, which has forgotten later revocations. A row keeps in `xmin` the
 * transaction that wrote it, through crashes, vacuums, replication and pg_upgrade. Two witness rows also store it in a column.
 * After a dump and load the two differ. See docs/decisions/0012.
 */

/** The database was restored, and revoked tokens could work again. The message is one line for the operator. */
export class RestoredError extends OperatorError {
  constructor() {
    super(
      "this database was restored from a backup, and what was revoked since would work again: " +
        "run `jeton after-restore`, then start the server",
    );
  }
}

/** A restore loads both witnesses by one COPY, so their two different numbers cannot both match by chance. */
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

/** The identifier of the cluster; null if the provider hides it. */
async function systemIdentifier(db: Db): Promise<string | null> {
  try {
    return (await run<{ id: string }>(db, SYSTEM, []))[0]!.id;
  } catch (error) {
    if (codeOf(error) === "42501") return null;
    throw error;
  }
}

/**
 * Refuses a restored database, and writes the witnesses if they are missing.
 * @throws RestoredError
 */
export async function refuseRestored(db: Db): Promise<void> {
  const { restored, witnessed } = await look(db);
  if (restored) throw new RestoredError();
  if (!witnessed) await bearWitness(db);
}

/** The era; undefined if the database was restored, and is not accepted yet. */
export async function eraInForce(db: Db): Promise<number | undefined> {
  const { era, restored } = await look(db);
  return restored ? undefined : era;
}

/** The number that binds data kept outside the database, such as cookies, to it. */
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

/** Writes the witnesses in two transactions with a third between them, which no restore does. */
async function bearWitness(db: Db): Promise<void> {
  await run(db, PLACE, [await systemIdentifier(db)]);
  await run(db, WITNESS, [1]);
  await run(db, { name: "continuity_between", text: "SELECT pg_current_xact_id()" }, []);
  await run(db, WITNESS, [2]);
}

/** Marks the database as restored, so that no server uses it before it is accepted. */
export async function markRestored(db: Db): Promise<void> {
  const text = "UPDATE installation SET restored_at = coalesce(restored_at, now()) WHERE id = 1";
  await run(db, { name: "continuity_mark", text }, []);
}

/** Begins a new era. Its number is the epoch of the deployment, which was just raised to an unused value. */
export async function beginEra(db: Db): Promise<void> {
  const text = "UPDATE installation SET era = (SELECT token_epoch FROM deployment_epoch) WHERE installation.id = 1";
  await run(db, { name: "continuity_era", text }, []);
}

/** Accepts the database as it is now. The mark is removed last, so that an interruption leaves it in place. */
export async function acceptDatabase(db: Db): Promise<void> {
  await markRestored(db);
  await run(db, { name: "continuity_forget", text: "DELETE FROM restore_witnesses" }, []);
  await bearWitness(db);
  await run(db, { name: "continuity_accept", text: "UPDATE installation SET restored_at = NULL WHERE id = 1" }, []);
}
