import { constants, createPrivateKey, createPublicKey, hash, sign, verify, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { JWK, JWTPayload } from "jose";
import { toJose, toOpenssl } from "./ecdsa.js";
import { encode, writeSigned, type UnverifiedJwt } from "./own-jwt.js";
import { RememberedLatest } from "./remembered-latest.js";
import type { SigningAlgorithm } from "./signing-key.js";

/** How an algorithm of RFC 7518 is computed. */
interface Computation {
  readonly sign: (data: Buffer, key: KeyObject) => Buffer | Promise<Buffer>;
  readonly verify: (data: Buffer, key: KeyObject, signature: Buffer) => boolean;
}

const signInThreadPool = promisify(sign);

/** RFC 7518 section 3.5: the salt is as long as the hash. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST } as const;

/** With node:crypto, because a signature by WebCrypto takes three times the CPU (docs/decisions/0018). */
const COMPUTATIONS: Readonly<Record<SigningAlgorithm, Computation>> = {
  // 30 µs: less than the way to the thread pool and back.
  ES256: {
    sign: (data, key) => toJose(sign("sha256", data, key)),
    verify: (data, key, signature) => {
      const der = toOpenssl(signature);
      return der !== undefined && verify("sha256", data, key, der);
    },
  },
  // 250 µs for a signature, and a tenth of it for its verification.
  RS256: {
    sign: (data, key) => signInThreadPool("sha256", data, key),
    verify: (data, key, signature) => verify("sha256", data, key, signature),
  },
  PS256: {
    sign: (data, key) => signInThreadPool("sha256", data, { key, ...PSS }),
    verify: (data, key, signature) => verify("sha256", data, { key, ...PSS }, signature),
  },
  // Ed25519 hashes the data itself (RFC 8032 section 5.1).
  EdDSA: {
    sign: (data, key) => sign(null, data, key),
    verify: (data, key, signature) => verify(null, data, key, signature),
  },
};

/** JWTs that a key remembers as genuine, at most. Each takes about 100 bytes. */
const MAX_REMEMBERED = 10_000;

/** A key pair of the ring, which signs this server's JWTs and tells them from others. */
export class SignatureKey {
  readonly #computation: Computation;
  readonly #named: { readonly kid: string; readonly alg: SigningAlgorithm };
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  /** Protected headers in base64url, by `typ`. */
  readonly #headers = new Map<string, string>();
  /** Hashes of JWTs that were verified. They go with the key. */
  readonly #genuine = new RememberedLatest<true>(MAX_REMEMBERED);

  constructor(named: { readonly kid: string; readonly alg: SigningAlgorithm }, privateKey: JWK, publicKey: JWK) {
    this.#computation = COMPUTATIONS[named.alg];
    this.#named = named;
    this.#privateKey = createPrivateKey({ key: privateKey, format: "jwk" });
    this.#publicKey = createPublicKey({ key: publicKey, format: "jwk" });
  }

  async sign(typ: string, claims: JWTPayload): Promise<string> {
    const signed = writeSigned(this.#header(typ), claims);
    const signature = await this.#computation.sign(Buffer.from(signed, "ascii"), this.#privateKey);
    return `${signed}.${signature.toString("base64url")}`;
  }

  /**
   * Whether this key made the signature. The answer never changes, so it is remembered; whether the JWT is in force is
   * asked each time.
   */
  isGenuine({ text, signed, signature }: UnverifiedJwt): boolean {
    const digest = hash("sha256", text, "base64");
    if (this.#genuine.get(digest) === true) return true;
    if (!this.#computation.verify(Buffer.from(signed, "ascii"), this.#publicKey, signature)) return false;
    this.#genuine.set(digest, true);
    return true;
  }

  #header(typ: string): string {
    const { alg, kid } = this.#named;
    const header = this.#headers.get(typ) ?? encode({ alg, typ, kid });
    this.#headers.set(typ, header);
    return header;
  }
}
