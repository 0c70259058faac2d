import type { JWK } from "jose";
import { Refusal } from "../errors/refusal.js";
import { FetchFailed } from "../outbound/fetch.js";
import type { RemoteKeySets } from "../outbound/key-sets.js";
import type { Client } from "./registry.js";

/**
 * The public keys of a client: those registered, or those at its `jwks_uri` (RFC 7591 section 2).
 * @param wanted tells the key that is looked for, so that a set which does not have it may be fetched anew
 * @throws Refusal client_keys_unavailable
 */
export async function registeredKeys(
  { jwks, jwks_uri }: Client,
  keySets: RemoteKeySets,
  wanted: (key: JWK) => boolean,
): Promise<readonly JWK[]> {
  if (jwks_uri === null) return jwks?.keys ?? [];
  try {
    return await keySets.find(jwks_uri, (keys) => keys.some(wanted));
  } catch (error) {
    if (error instanceof FetchFailed) throw new Refusal("client_keys_unavailable", { reason: error.reason });
    throw error;
  }
}
