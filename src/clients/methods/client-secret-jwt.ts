import { compactDecrypt } from "jose";
import { createHash, createSecretKey } from "node:crypto";
import { Refusal } from "../../errors/refusal.js";
import { countParts, JWE_PARTS, readCompact } from "../../keys/compact.js";
import { algorithmsOf, claimedAlgorithm, isSigned, readJws } from "../assertion.js";
import { acceptOnce } from "../assertion-claims.js";
import { openSecrets } from "../secrets.js";
import { CONTENT_KEY_SIZES, SECRET_ALGORITHMS } from "./algorithms.js";
import type { AuthenticationMethod } from "./method.js";

/** A JWT signed with the client's secret (OpenID Connect Core section 9), and encrypted with it if so registered. */
export const clientSecretJwt: AuthenticationMethod = {
  confidential: true,
  secret: "sealed",
  encryptsAssertions: true,
  signingAlgorithms: SECRET_ALGORITHMS,
  isPresented: ({ client_assertion: text }) => text !== undefined && isMadeWithSecret(text),
  async check({ client, presented, audiences }, means) {
    const { client_id, token_endpoint_auth_encryption_alg, token_endpoint_auth_encryption_enc } = client;
    const secrets = openSecrets(means.master, client, means.clock.now());
    if (secrets.length === 0) throw new Refusal("client_shared_secret_missing", { slots: { client_id } });

    const nested = token_endpoint_auth_encryption_alg !== null;
    const text = nested
      ? await decrypt(presented.client_assertion, secrets, token_endpoint_auth_encryption_enc) // assertion_not_jwe, assertion_not_decryptable
      : presented.client_assertion;
    const jws = readJws(text); // assertion_not_jws, assertion_payload_unreadable
    const keys = secrets.map((secret) => createSecretKey(secret));
    const signed = await isSigned(jws, keys, algorithmsOf(client, nested ? NESTED_ALGORITHMS : SECRET_ALGORITHMS));
    if (!signed) throw new Refusal(nested ? "assertion_payload_unreadable" : "assertion_signature_wrong");
    await acceptOnce(jws.payload, { client, audiences }, means);
  },
};

/** Whether the header of an unverified assertion names an algorithm of this method. Only this method encrypts. */
function isMadeWithSecret(text: string): boolean {
  if (countParts(text) === JWE_PARTS) return true;
  return SECRET_ALGORITHMS.some((alg) => alg === claimedAlgorithm(text));
}

/** Inside a JWE: the one algorithm that SimpleIdentityServer's clients sign with. */
const NESTED_ALGORITHMS = ["HS256"];

/** The default for a client registered without an `enc` (OpenID Connect Registration section 2). */
const DEFAULT_ENC = "A128CBC-HS256";

/** The plain text of a JWE whose content key is the secret's (RFC 7518 section 4.5). */
async function decrypt(text: string | undefined, secrets: readonly Buffer[], enc: string | null): Promise<string> {
  if (text === undefined || countParts(text) !== JWE_PARTS) throw new Refusal("assertion_not_jwe");
  if (readCompact(text) === undefined) throw new Refusal("assertion_not_decryptable");
  const registered = (enc ?? DEFAULT_ENC) as keyof typeof CONTENT_KEY_SIZES;
  for (const secret of secrets) {
    const plain = await open(text, contentKey(secret, CONTENT_KEY_SIZES[registered]), registered);
    if (plain !== undefined) return plain;
  }
  throw new Refusal("assertion_not_decryptable");
}

async function open(text: string, key: Uint8Array, enc: string): Promise<string | undefined> {
  try {
    const allowed = { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: [enc], maxDecompressedLength: 0 };
    const { plaintext } = await compactDecrypt(text, key, allowed);
    return Buffer.from(plaintext).toString("utf8");
  } catch {
    // Any error means that this key does not open the token.
    return undefined;
  }
}

/** The left of a SHA-2 hash of the secret that is long enough (OpenID Connect Core section 10.2). */
function contentKey(secret: Buffer, size: number): Uint8Array {
  const hash = size <= 32 ? "sha256" : size <= 48 ? "sha384" : "sha512";
  return createHash(hash).update(secret).digest().subarray(0, size);
}
