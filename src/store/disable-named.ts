import { run, type Db } from "./open.js";

/** Clients and a user that are disabled if they still have the names under which they were made. */

const CLIENTS = {
  name: "clients_disable_named",
  text: `
    UPDATE clients c SET disabled = true, updated_at = now()
    FROM unnest($1::text[], $2::text[]) AS named (client_id, client_name)
    WHERE c.client_id = named.client_id AND c.client_name = named.client_name AND NOT c.disabled
    RETURNING c.client_id`,
};

/** Disables the enabled ones of some clients. @param names by client_id @returns their ids */
export async function disableClientsNamed(db: Db, names: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const rows = await run<{ client_id: string }>(db, CLIENTS, [Object.keys(names), Object.values(names)]);
  return rows.map(({ client_id }) => client_id);
}

const USER = {
  name: "user_disable_named",
  text: `
    UPDATE users SET disabled = true, token_epoch = token_epoch + 1, updated_at = now()
    WHERE sub = $1 AND claims ->> 'name' = $2 AND NOT disabled
    RETURNING sub`,
};

/** Disables an enabled user with this name, as `setUserDisabled` does. @returns whether there is one */
export async function disableUserNamed(
  db: Db,
  { sub, name }: { readonly sub: string; readonly name: string },
): Promise<boolean> {
  return (await run(db, USER, [sub, name])).length > 0;
}
