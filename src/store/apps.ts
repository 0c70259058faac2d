import { insertRows, upsertRows, type BulkTarget } from "./bulk.js";
import { IdentifierInUseError, isConflict } from "./failure.js";
import { run, type Db, type Transaction } from "./open.js";
import { personColumns, saveUsers, type Account, type Person } from "./users.js";

/** Applications and things of Kii Cloud. Their clients and accounts are ordinary ones (docs/decisions/0009). */
export interface App {
  readonly app_id: string;
  /** Its administrator, a client of its own. */
  readonly client_id: string;
  /** Seconds. */
  readonly default_token_lifetime: number;
  readonly max_token_lifetime: number;
  /** Whether users may register themselves. */
  readonly user_registration: boolean;
  /** Whether things may register themselves. */
  readonly thing_registration: boolean;
  /** Whether its administrator may look up any user of the deployment. */
  readonly user_lookup: boolean;
}

const FIND_APP = { name: "app_find", text: "SELECT * FROM apps WHERE app_id = $1" };

/** The application of that id. */
export async function findApp(db: Db, app_id: string): Promise<App | undefined> {
  const [app] = await run<App>(db, FIND_APP, [app_id]);
  return app;
}

const FIND_APP_OF = { name: "app_find_of", text: "SELECT * FROM apps WHERE app_id = $1 OR client_id = $1" };

/** The application that a client is, or is the administrator of. */
export async function findAppOf(db: Db, client_id: string): Promise<App | undefined> {
  const [app] = await run<App>(db, FIND_APP_OF, [client_id]);
  return app;
}

const FIND_THING = {
  name: "thing_find",
  text: `
    SELECT ${personColumns("u")}, u.password_hash, u.disabled
    FROM things t JOIN users u ON u.sub = t.sub
    WHERE t.app_id = $1 AND t.vendor_thing_id = $2`,
};

/** The account of a thing. It has no login identifier, so only its app can find it. */
export async function findThing(db: Db, app_id: string, vendor_thing_id: string): Promise<Account | undefined> {
  const [account] = await run<Account>(db, FIND_THING, [app_id, vendor_thing_id]);
  return account;
}

const ACCOUNT = {
  name: "app_account",
  text: `SELECT ${personColumns("u")} FROM users u WHERE u.sub = $1 AND NOT u.disabled`,
};

/** The enabled account of a user or a thing. */
export async function findAccount(db: Db, sub: string): Promise<Person | undefined> {
  return (await run<Person>(db, ACCOUNT, [sub]))[0];
}

const SHOWN_THING = {
  name: "thing_show",
  text: `
    SELECT t.sub, t.app_id, t.vendor_thing_id, t.created_at, u.claims FROM things t JOIN users u ON u.sub = t.sub
    WHERE t.app_id = $1 AND NOT u.disabled AND CASE WHEN $3 THEN t.vendor_thing_id = $2 ELSE t.sub = $2 END`,
};

/** A thing as its application sees it. */
export interface ShownThing {
  readonly sub: string;
  readonly app_id: string;
  readonly vendor_thing_id: string;
  readonly created_at: Date;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A thing of an application, by its id or by the name that its vendor gave it. */
export async function findShownThing(
  db: Db,
  app_id: string,
  name: string,
  isVendors: boolean,
): Promise<ShownThing | undefined> {
  return (await run<ShownThing>(db, SHOWN_THING, [app_id, name, isVendors]))[0];
}

/**
 * Writes a thing that registers itself, and never over an existing one.
 * @returns whether it was written
 */
export async function registerThing(
  db: Db,
  { sub, app_id, vendor_thing_id, password_hash }: Omit<ThingToSave, "disabled">,
  claims: object,
): Promise<boolean> {
  const user = { sub, preferred_username: vendor_thing_id, password_hash, roles: [], claims, disabled: false };
  try {
    await db.prisma.$transaction(async (tx) => {
      await tx.user.create({ data: user, select: { sub: true } });
      await tx.thing.create({ data: { app_id, vendor_thing_id, sub }, select: { sub: true } });
    });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

const IS_THING = { name: "thing_is", text: "SELECT 1 FROM things WHERE sub = $1" };

/** Whether an account is a thing's. */
export async function isThing(db: Db, sub: string): Promise<boolean> {
  return (await run(db, IS_THING, [sub])).length === 1;
}

const TAKEN = {
  name: "app_ids_taken",
  text: `
    SELECT 1 FROM clients c WHERE c.client_id = ANY ($2)
      AND NOT EXISTS (SELECT FROM apps a WHERE a.app_id = $1 AND c.client_id IN (a.app_id, a.client_id)) LIMIT 1`,
};

/**
 * Checks that the two client ids of an app are its own or free, before the clients are written.
 * @throws Error that isConflict recognises
 */
export async function reserveApp(
  tx: Transaction,
  { app_id, client_id }: Pick<App, "app_id" | "client_id">,
): Promise<void> {
  if ((await run(tx, TAKEN, [app_id, [app_id, client_id]])).length > 0) throw new IdentifierInUseError();
}

const AMONG = {
  name: "apps_among",
  text: "SELECT 1 FROM apps WHERE app_id = ANY ($1) OR client_id = ANY ($1) LIMIT 1",
};

/** @throws Error that isConflict recognises, if one of the clients is an app or the administrator of one */
export async function refuseClientsOfApps(tx: Transaction, client_ids: readonly string[]): Promise<void> {
  if ((await run(tx, AMONG, [client_ids])).length > 0) throw new IdentifierInUseError();
}

const APPS: BulkTarget = {
  table: "apps",
  key: ["app_id"],
  columns: [
    "app_id",
    "client_id",
    "default_token_lifetime",
    "max_token_lifetime",
    "user_registration",
    "thing_registration",
    "user_lookup",
  ],
  update: { updated_at: "now()" },
};

const DROP_ADMINISTRATOR = { name: "app_administrator_drop", text: "DELETE FROM clients WHERE client_id = $1" };

/** Writes a new or existing application whose clients are written already. A former administrator is deleted. */
export async function saveApp(tx: Transaction, app: App): Promise<void> {
  const [before] = await run<App>(tx, FIND_APP, [app.app_id]);
  await upsertRows(tx, APPS, [app]);
  if (before !== undefined && before.client_id !== app.client_id) await run(tx, DROP_ADMINISTRATOR, [before.client_id]);
}

/** The columns of a thing. */
export interface ThingToSave {
  readonly app_id: string;
  readonly vendor_thing_id: string;
  /** Null if it keeps its present one. */
  readonly password_hash: string | null;
  readonly disabled: boolean;
  /** The `sub` of a new thing. */
  readonly sub: string;
}

const KNOWN_THINGS = {
  name: "things_known",
  text: `
    SELECT app_id, vendor_thing_id, sub, u.claims FROM things
    JOIN unnest($1::text[], $2::text[]) AS asked (app_id, vendor_thing_id) USING (app_id, vendor_thing_id)
    JOIN users u USING (sub) FOR NO KEY UPDATE OF u`,
};

type KnownThing = Pick<ThingToSave, "app_id" | "vendor_thing_id" | "sub"> & { readonly claims: object };

/**
 * Writes new or existing things. The claims that a thing gave itself stay.
 * @throws Error that isGone recognises, if there is no such app
 */
export async function saveThings(tx: Transaction, things: readonly ThingToSave[]): Promise<void> {
  const [apps, names] = [things.map(({ app_id }) => app_id), things.map(({ vendor_thing_id }) => vendor_thing_id)];
  const before = await run<KnownThing>(tx, KNOWN_THINGS, [apps, names]);
  const nameOf = (one: Pick<ThingToSave, "app_id" | "vendor_thing_id">) =>
    JSON.stringify([one.app_id, one.vendor_thing_id]);
  const byName = new Map(before.map((one) => [nameOf(one), one]));
  const known = things.map((one) => ({ ...one, claims: {}, ...byName.get(nameOf(one)) }));
  const accounts = known.map(({ sub, vendor_thing_id, password_hash, disabled, claims }) => ({
    user: { sub, preferred_username: vendor_thing_id, password_hash, roles: [], disabled, claims },
    identifiers: [],
  }));
  await saveUsers(tx, accounts);
  await insertRows(
    tx,
    THINGS,
    known.filter((one) => !byName.has(nameOf(one))),
  );
}

const THINGS = { table: "things", columns: ["app_id", "vendor_thing_id", "sub"] } as const;
