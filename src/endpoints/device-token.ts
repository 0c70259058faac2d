import { isDevice } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { AccessTokenClaims } from "../tokens/access-token.js";

/** An access token of a device, and the current registration of the device. */
export interface DeviceToken {
  readonly client: Client;
  readonly claims: AccessTokenClaims;
  readonly expired: boolean;
}

/**
 * Reads an access token of a device. Its holder may renew and introspect it in the dialects of the device (Iothentix, renew
 * token and introspect). The caller asks the store whether the token is in force.
 * @param client_id the device that the request names, if it names one
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
