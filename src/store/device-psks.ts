import { bytesInRow, insertRows } from "./bulk.js";
import { run, type Db, type Transaction } from "./open.js";

/** The pre-shared key of a device, as it is stored. */
interface DevicePsk {
  readonly device_id: string;
  readonly identity: Uint8Array;
  /** Under the master key; null where only the identity is known. */
  readonly sealed: Uint8Array | null;
}

/** The identity of a device, and the key to store for it; undefined if it keeps its present one. */
export interface DevicePskToSave {
  readonly device_id: string;
  readonly identity: Uint8Array;
  readonly sealed: Uint8Array | undefined;
}

const FIND = {
  name: "device_psk_find",
  text: `
    SELECT p.sealed FROM device_psks p JOIN clients c ON c.client_id = p.device_id
    WHERE p.identity = $1 AND NOT c.disabled`,
};

/** The sealed key of an identity; undefined if no enabled device has both. */
export async function findDevicePsk(db: Db, identity: Uint8Array): Promise<Uint8Array | undefined> {
  const [found] = await run<Pick<DevicePsk, "sealed">>(db, FIND, [identity]);
  return found?.sealed ?? undefined;
}

const DROP = {
  name: "device_psks_drop",
  text: "DELETE FROM device_psks WHERE device_id = ANY ($1) RETURNING device_id, identity, sealed",
};

const DEVICE_PSKS = { table: "device_psks", columns: ["device_id", "identity", "sealed"] } as const;

/**
 * Gives devices exactly these identities with their keys, and neither to the others of them.
 * @throws Error that isConflict recognises, if another device has an identity
 */
export async function saveDevicePsks(
  tx: Transaction,
  device_ids: readonly string[],
  psks: readonly DevicePskToSave[],
): Promise<void> {
  const before = await run<DevicePsk>(tx, DROP, [device_ids]);
  const keys = new Map(before.map((psk) => [psk.device_id, psk.sealed]));
  const rows = psks.map(({ device_id, identity, sealed = keys.get(device_id) }) => {
    return { device_id, identity: bytesInRow(identity), sealed: bytesInRow(sealed) };
  });
  await insertRows(tx, DEVICE_PSKS, rows);
}
