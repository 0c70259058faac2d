import { normaliseIdentifier } from "../accounts/identifiers.js";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { findSubs } from "../store/users.js";

/**
 * Finds the user that a command names by `sub` or by a login identifier.
 * @returns their sub
 * @throws OperatorError if no user has the name, or two have it
 */
export async function onePerson({ db }: Pick<Core, "db">, name: string): Promise<string> {
  const [sub, another] = await findSubs(db, name, normaliseIdentifier(name));
  if (sub === undefined) throw new OperatorError(`there is no user ${name}`, "not_found");
  if (another !== undefined) {
    throw new OperatorError(
      `${name} means two users (the subs ${sub} and ${another}): use another name of the user`,
      "conflict",
    );
  }
  return sub;
}
