import { run, type Db } from "./open.js";

/**
 * What a device does with its key. A device is a row of `clients`; its key is the one in `jwks`, and each statement asks
 * that it still is the one that signed, so a key that was replaced is refused on every instance from that moment.
 */

/** A device, with the key that signed. */
interface KeyedDevice {
  readonly client_id: string;
  readonly jwks: object | null;
}

const USE = {
  name: "device_jwt_use",
  text: `
    INSERT INTO device_jtis (hash)
    SELECT $1 FROM clients WHERE client_id = $2 AND jwks = $3::jsonb AND NOT disabled
    ON CONFLICT (hash) DO NOTHING RETURNING hash`,
};

/**
 * Whether this is the first use of a JWT, on any instance and for ever, with a key that is still the device's.
 * @param hash of device and jti; nothing else is ever known of it
 */
export async function useDeviceJwt(db: Db, hash: Uint8Array, { client_id, jwks }: KeyedDevice): Promise<boolean> {
  return (await run(db, USE, [hash, client_id, JSON.stringify(jwks)])).length === 1;
}

const REPLACE = {
  name: "device_key_replace",
  text: `
    UPDATE clients SET jwks = $3::jsonb, updated_at = coalesce($4::timestamptz, now())
    WHERE client_id = $1 AND jwks = $2::jsonb AND NOT disabled RETURNING client_id`,
};

/** Gives a device a new key; false if the one that signed is not its key any more. */
export async function replaceDeviceKey(
  db: Db,
  { client_id, jwks }: KeyedDevice,
  next: object,
  now: Date | null,
): Promise<boolean> {
  const values = [client_id, JSON.stringify(jwks), JSON.stringify(next), now];
  return (await run(db, REPLACE, values)).length === 1;
}
