import { OperatorError } from "../errors/operator-error.js";
import type { Core } from "../core.js";
import { rolesOf } from "../store/users.js";
import type { Powers } from "./command.js";
import { mayRun } from "./run.js";
import { powersOf } from "./powers.js";

/**
 * Refuses a change that gives more powers than the caller has, or that concerns an account with more. A new password or secret
 * of such an account would be as good as its powers.
 * @param scopes of a client, or roles of a user, before and after a change
 * @param whose the client or the user
 * @throws OperatorError
 */
export function refuseBeyond(powers: Powers, scopes: readonly string[], whose: string): void {
  const beyond = [...powersOf(scopes)].find((access) => !mayRun({ access }, powers));
  if (beyond === undefined) return;
  throw new OperatorError(`${whose} has, or would have, powers of administration that you do not have`, "forbidden");
}

/** The same for a user in the store. */
export async function refuseUserBeyond({ db }: Pick<Core, "db">, powers: Powers, sub: string): Promise<void> {
  if (!powers.has("all")) refuseBeyond(powers, await rolesOf(db, sub), sub);
}
