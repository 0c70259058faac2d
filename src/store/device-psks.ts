import { bytesInRow, insertRows } from "./bulk.js";
import { run, type Db, type Transaction } from "./open.js";

/** The pre-shared key of a device, as it is stored. */
export interface DevicePsk {
  readonly device_id: string;
  readonly identity: Uint8Array;
  /** Under the master key. */
  readonly sealed: Uint8Array;
}

const FIND = {
  name: "device_psk_find",
  text: `
    SELECT p.sealed FROM device_psks p JOIN clients c ON c.client_id = p.device_id
    WHERE p.identity = $1 AND NOT c.disabled`,
};

/** The sealed key of an identity; undefined if no enabled device has it. */
export async function findDevicePsk(db: Db, identity: Uint8Array): Promise<Uint8Array | undefined> {
  const [found] = await run<Pick<DevicePsk, "sealed">>(db, FIND, [identity]);
  return found?.sealed;
}

const DROP = { name: "device_psks_drop", text: "DELETE FROM device_psks WHERE device_id = ANY ($1)" };

const DEVICE_PSKS = { table: "device_psks", columns: ["device_id", "identity", "sealed"] } as const;

/**
 * Gives devices exactly these keys, and no key to the others of them.
 * @throws Error that isConflict recognises, if another device has an identity
 */
export async function saveDevicePsks(
  tx: Transaction,
  device_ids: readonly string[],
  psks: readonly DevicePsk[],
): Promise<void> {
  await run(tx, DROP, [device_ids]);
  const rows = psks.map(({ device_id, identity, sealed }) => {
    return { device_id, identity: bytesInRow(identity), sealed: bytesInRow(sealed) };
  });
  await insertRows(tx, DEVICE_PSKS, rows);
}
