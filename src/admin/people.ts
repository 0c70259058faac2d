import { normaliseIdentifier } from "../accounts/identifiers.js";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { findSubs } from "../store/users.js";

/**
 * The person a command names, by sub or by anything they log in with.
 * @returns their sub
 * @throws OperatorError where there is none, or the name means two
 */
export async function onePerson({ db }: Pick<Core, "db">, name: string): Promise<string> {
  const [sub, another] = await findSubs(db, name, normaliseIdentifier(name));
  if (sub === undefined) throw new OperatorError(`there is no user ${name}`);
  if (another !== undefined) {
    throw new OperatorError(`${name} means two users (the subs ${sub} and ${another}): name the one by something else`);
  }
  return sub;
}
