import { run, type Db, type Transaction, type Tx } from "./open.js";

/**
 * Epochs: numbers that tokens, grants and sessions carry from the moment they are made. Raising one ends all of them with
 * one short statement, however many there are (docs/decisions/0003). The rows of ended grants are marked later, in
 * batches (ending.ts).
 */

/**
 * SQL: the epoch of a client or a user, which is its own number plus that of the deployment. Both only grow, so the sum is
 * unchanged exactly as long as neither was raised.
 * @param alias of a row of `clients` or `users`
 */
export function epochOf(alias: string): string {
  return `(${alias}.token_epoch + coalesce((SELECT d.token_epoch FROM deployment_epoch d), 0))`;
}

/** Ends every token and every grant of a client (`jeton revoke --client`). */
export async function endEverythingOfClient(tx: Tx, client_id: string): Promise<void> {
  await tx.client.update({
    where: { client_id },
    data: { token_epoch: { increment: 1 } },
    select: { client_id: true },
  });
}

/** Ends every token, grant and session of a user (`jeton revoke --user`, a disabled user, a new password). */
export async function endEverythingOf(tx: Tx, sub: string): Promise<void> {
  await tx.user.update({ where: { sub }, data: { token_epoch: { increment: 1 } }, select: { sub: true } });
}

/** The Unix time from which the epoch of the deployment counts: 2026-01-01. It fits an integer until 2094. */
const EPOCH_ZERO = 1_767_225_600;

/**
 * The new epoch is the time, not the next number. A restored database may not know epochs that tokens still carry, and must
 * never reach one of them again.
 */
const RAISE = {
  name: "deployment_epoch_raise",
  text: `
    INSERT INTO deployment_epoch AS d (id, token_epoch)
    SELECT 1, greatest(1, floor(extract(epoch FROM coalesce($1::timestamptz, now()))) - ${EPOCH_ZERO})::int
    ON CONFLICT (id) DO UPDATE SET token_epoch = greatest(d.token_epoch + 1, excluded.token_epoch)`,
};

/** Ends every token, grant and session of all users and clients (`jeton revoke --all`). */
export async function endEverything(where: Db | Transaction, now: Date | null): Promise<void> {
  await run(where, RAISE, [now]);
}
