import type { JWK } from "jose";
import { Refusal } from "../errors/refusal.js";
import { FetchFailed } from "../outbound/fetch.js";
import type { RemoteKeySets } from "../outbound/key-sets.js";
import type { RegisteredClient } from "./registered-client.js";

/**
 * The public keys of a client or an issuer: the registered ones, or those at its `jwks_uri` (RFC 7591 section 2).
 * @param wanted whether a key is the one that is needed; a set without it may be fetched again
 * @throws Refusal client_keys_unavailable
 */
export async function registeredKeys(
  { jwks, jwks_uri }: Pick<RegisteredClient, "jwks" | "jwks_uri">,
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
