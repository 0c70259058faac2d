import { isDevice } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { AccessTokenClaims } from "../tokens/access-token.js";

/** An access token of a device, and the device as it is now. */
export interface DeviceToken {
  readonly client: Client;
  readonly claims: AccessTokenClaims;
  readonly expired: boolean;
}

/**
 * The device whose access token this is: whoever holds it may have it renewed or look at it, in the dialects of that device
 * (Iothentix, renew token and introspect). Whether it is in force is the store's to say.
 * @param client_id the device it must be of, where the request names one
 */
export async function readDeviceToken(
  { accessTokens, registry }: Core,
  token: string,
  { client_id, dialect }: { readonly client_id: string | undefined; readonly dialect: string },
): Promise<DeviceToken | undefined> {
  const read = await accessTokens.read(token);
  if (read === undefined) return undefined;
  if (client_id !== undefined && client_id !== read.claims.client_id) return undefined;
  const client = await registry.find(read.claims.client_id);
  if (client === null || !isDevice(client) || !client.dialects.includes(dialect)) return undefined;
  return { client, ...read };
}
