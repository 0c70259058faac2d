import { run, type Db } from "./open.js";

/**
 * Statements about the key of a device. A device is a row of `clients` with its key in `jwks`. Each statement requires that the
 * signing key is still the current one, so every instance rejects a replaced key at once.
 */

/** A device and the key that signed its JWT. */
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
 * Whether this is the first use of a JWT, on any instance and for ever, with the current key of the device.
 * @param hash a hash of device and jti; nothing else of the JWT is stored
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

/** Replaces the key of a device; false if the signing key is no longer the current one. */
export async function replaceDeviceKey(
  db: Db,
  { client_id, jwks }: KeyedDevice,
  next: object,
  now: Date | null,
): Promise<boolean> {
  const values = [client_id, JSON.stringify(jwks), JSON.stringify(next), now];
  return (await run(db, REPLACE, values)).length === 1;
}
