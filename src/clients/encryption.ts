import { CompactEncrypt, importJWK, type JWK } from "jose";
import { Refusal } from "../errors/refusal.js";
import { isBroken } from "../keys/public-jwk.js";
import type { RemoteKeySets } from "../outbound/key-sets.js";
import { CONTENT_KEY_SIZES } from "./methods/algorithms.js";
import type { RegisteredClient } from "./registered-client.js";
import { registeredKeys } from "./registered-keys.js";

/** Encryption to a key of the client (OpenID Connect Registration section 2). RSA1_5 is absent (RFC 8725 section 3.2). */
export const RESPONSE_ENCRYPTION_ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"] as const;

/** The default of `enc` (OpenID Connect Registration section 2). */
const DEFAULT_CONTENT_ENCRYPTION = "A128CBC-HS256";

/** The content encryptions of responses. */
export const CONTENT_ENCRYPTIONS = Object.keys(CONTENT_KEY_SIZES) as [keyof typeof CONTENT_KEY_SIZES];

/** What a client registered for a kind of response. */
interface Encryption {
  readonly alg: string;
  readonly enc: string | null;
  /** `JWT` for a signed JWT inside (RFC 7519 section 5.2). */
  readonly cty?: "JWT";
}

/** Curves of ECDH-ES that Node.js and jose know. */
const CURVES: readonly unknown[] = ["P-256", "P-384", "P-521", "X25519"];

/**
 * Encrypts a response to a public key of the client: its first key for encryption that suits the algorithm.
 * @throws Refusal encryption_key_unknown, client_keys_unavailable. The response is never sent in clear instead.
 */
export async function encryptFor(
  client: RegisteredClient,
  keySets: RemoteKeySets,
  text: string,
  { alg, enc, cty }: Encryption,
): Promise<string> {
  const suits = (key: JWK) => isForEncryption(key) && suitsAlgorithm(key, alg) && !isBroken(key);
  const key = (await registeredKeys(client, keySets, suits)).find(suits);
  if (key === undefined) throw new Refusal("encryption_key_unknown", { slots: { client_id: client.client_id } });
  const { kid } = key;
  const header = {
    alg,
    enc: enc ?? DEFAULT_CONTENT_ENCRYPTION,
    ...(cty && { cty }),
    ...(kid !== undefined && { kid }),
  };
  return new CompactEncrypt(Buffer.from(text, "utf8")).setProtectedHeader(header).encrypt(await importJWK(key, alg));
}

function isForEncryption({ use, key_ops = [] }: JWK): boolean {
  const permits = key_ops.length === 0 || key_ops.some((one) => one === "encrypt" || one === "wrapKey");
  return permits && (use === undefined || use === "enc");
}

function suitsAlgorithm({ kty, crv, alg: only }: JWK, alg: string): boolean {
  if (only !== undefined && only !== alg) return false;
  return alg.startsWith("RSA") ? kty === "RSA" : (kty === "EC" || kty === "OKP") && CURVES.includes(crv);
}
