import { IdentifierInUseError } from "./failure.js";
import type { Prisma } from "./generated/client.js";
import { run, type Db, type Tx } from "./open.js";
import { personColumns, saveUser, type Account } from "./users.js";

/** Kii Cloud's applications and things: what they are beside a client and an account (docs/decisions/0009). */
export interface App {
  readonly app_id: string;
  /** Its administrator, a client of its own. */
  readonly client_id: string;
  /** Seconds. */
  readonly default_token_lifetime: number;
  readonly max_token_lifetime: number;
  /** Whether people may register themselves. */
  readonly user_registration: boolean;
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

/** The account of a thing. It has no identifier, so it is found by nobody but its app. */
export async function findThing(db: Db, app_id: string, vendor_thing_id: string): Promise<Account | undefined> {
  const [account] = await run<Account>(db, FIND_THING, [app_id, vendor_thing_id]);
  return account;
}

const IS_THING = { name: "thing_is", text: "SELECT 1 FROM things WHERE sub = $1" };

/** Whether an account is a thing's. */
export async function isThing(db: Db, sub: string): Promise<boolean> {
  return (await run(db, IS_THING, [sub])).length === 1;
}

/**
 * Makes sure that an app's two client ids are its own or free, before the clients are written.
 * @throws Error that isConflict knows
 */
export async function reserveApp(tx: Tx, { app_id, client_id }: Pick<App, "app_id" | "client_id">): Promise<void> {
  const before = await tx.app.findUnique({ where: { app_id } });
  const wanted = [app_id, client_id].filter((id) => id !== before?.app_id && id !== before?.client_id);
  if ((await tx.client.count({ where: { client_id: { in: wanted } } })) > 0) throw new IdentifierInUseError();
}

/** @throws Error that isConflict knows, where a client is an app or an app's administrator */
export async function refuseClientOfApp(tx: Tx, client_id: string): Promise<void> {
  if ((await tx.app.count({ where: { OR: [{ app_id: client_id }, { client_id }] } })) > 0) throw new IdentifierInUseError();
}

/** Writes an application whole, new or not, whose clients are written; an administrator it had before goes. */
export async function saveApp(tx: Tx, app: Prisma.AppUncheckedCreateInput): Promise<void> {
  const { app_id } = app;
  const before = await tx.app.findUnique({ where: { app_id } });
  await tx.app.upsert({ where: { app_id }, create: app, update: app });
  if (before !== null && before.client_id !== app.client_id) {
    await tx.client.delete({ where: { client_id: before.client_id } });
  }
}

/**
 * Writes a thing whole, new or not.
 * @param sub who it is where it is new
 */
export async function saveThing(
  tx: Tx,
  { app_id, vendor_thing_id }: { readonly app_id: string; readonly vendor_thing_id: string },
  password_hash: string,
  sub: string,
): Promise<void> {
  const where = { app_id_vendor_thing_id: { app_id, vendor_thing_id } };
  const before = await tx.thing.findUnique({ where });
  const known = before?.sub ?? sub;
  await saveUser(
    tx,
    { sub: known, preferred_username: vendor_thing_id, password_hash, roles: [], disabled: false },
    [],
  );
  await tx.thing.upsert({ where, create: { app_id, vendor_thing_id, sub: known }, update: {} });
}
