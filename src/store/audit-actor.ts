import { run, SET_ACTOR, type Db, type Transaction, type Tx } from "./open.js";

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

/** Attributes the changes of a transaction to a caller. PostgreSQL forgets the caller when the transaction ends. */
export async function asActor(tx: Transaction | Tx, caller: Caller): Promise<void> {
  await run(tx, SET_ACTOR, [JSON.stringify(caller)]);
}

/** Attributes the changes of a transaction of Prisma as those of its store. */
export async function attribute(tx: Tx, { actor }: Db): Promise<void> {
  if (actor !== undefined) await run(tx, SET_ACTOR, [JSON.stringify(actor)]);
}

/** A store whose named statements, and transactions of them, are attributed to a caller. */
export function actingFor(db: Db, caller: Caller): Db {
  return Object.create(db, { actor: { value: caller } }) as Db;
}
