import { OperatorError } from "../errors/operator-error.js";
import { lockClient, type ClientRow } from "../store/clients.js";
import type { Transaction, Tx } from "../store/open.js";
import { showUser, type ShownUser } from "../store/user-lists.js";
import { lockUser } from "../store/user-update.js";
import { shownClient } from "./client-lists.js";
import type { CommandContext } from "./command.js";
import { refuseBeyond } from "./escalation.js";

/** Clients and users that a command is about to change. The row is locked until the transaction ends. */

type Changing = Pick<CommandContext<unknown>, "powers" | "expect">;

/**
 * @throws OperatorError if there is no such client, if it was changed since it was shown, or if it has more powers than the caller
 */
export async function lockedClient(tx: Tx, client_id: string, { powers, expect }: Changing): Promise<ClientRow> {
  const client = await lockClient(tx, client_id);
  if (client === null) throw new OperatorError(`there is no client ${client_id}`, "not_found");
  refuseBeyond(powers, client.scope, client_id);
  expect(shownClient(client));
  return client;
}

/** The same for a user. */
export async function lockedUser(tx: Transaction | Tx, sub: string, { powers, expect }: Changing): Promise<ShownUser> {
  const user = (await lockUser(tx, sub)) ? await showUser(tx, sub) : undefined;
  if (user === undefined) throw new OperatorError(`there is no user ${sub}`, "not_found");
  refuseBeyond(powers, user.roles, sub);
  expect(user);
  return user;
}
