import type { z } from "zod";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import type { GrantFilter } from "../store/grant-walk.js";
import { databaseTime } from "../store/open.js";
import { duration, name } from "./arguments.js";
import { onePerson } from "./people.js";

/** The members by which commands choose grants. A grant has to fit all of them. */
export const GRANT_FILTER = {
  user: name.optional().meta({ description: "of this user (by any of their names)" }),
  client: name.optional().meta({ description: "of this client" }),
  scope: name.optional().meta({ description: "with this scope" }),
  dialect: name.optional().meta({ description: "made in this dialect" }),
  older_than: duration.optional().meta({ description: "made longer ago than this" }),
  younger_than: duration.optional().meta({ description: "made more recently than this" }),
};

/**
 * The filter of a command, as the store takes it.
 * @throws OperatorError if there is no such user
 */
export async function readGrantFilter(
  { db, clock }: Pick<Core, "db" | "clock">,
  { user, client, scope, dialect, older_than, younger_than }: z.output<z.ZodObject<typeof GRANT_FILTER>>,
): Promise<GrantFilter> {
  const sub = user === undefined ? undefined : await onePerson({ db }, user);
  const now = await databaseTime(db, clock.statement());
  const ago = (seconds: number | undefined) => (seconds === undefined ? undefined : new Date(now - seconds * 1_000));
  return { sub, client_id: client, scope, dialect, made_before: ago(older_than), made_after: ago(younger_than) };
}

/** @throws OperatorError if a filter means every grant of everybody */
export function refuseEmptyFilter(members: Readonly<Record<string, unknown>>): void {
  if (Object.values(members).some((member) => member !== undefined)) return;
  throw new OperatorError("choose grants by at least one filter; `jeton revoke --all` ends everything", "invalid");
}
