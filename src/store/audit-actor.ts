import { run, type Transaction, type Tx } from "./open.js";

/** Who changes something: it is recorded with the change. */
export interface Caller {
  readonly kind: "person" | "client" | "system_user" | "server";
  /** The sub of a person, the client_id of a client, the name of a user of the operating system. */
  readonly id: string;
  /** The client that acts for a person. */
  readonly client_id?: string | undefined;
  /** The address that the request came from. */
  readonly ip?: string | undefined;
}

const SET = { name: "audit_actor_set", text: "SELECT set_config('jeton.actor', $1, true)" };

/** Attributes the changes of a transaction to a caller. PostgreSQL forgets the caller when the transaction ends. */
export async function asActor(tx: Transaction | Tx, caller: Caller): Promise<void> {
  await run(tx, SET, [JSON.stringify(caller)]);
}
