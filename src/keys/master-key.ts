import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  timingSafeEqual,
  type KeyObject,
} from "node:crypto";
import { systemRandom, type Random } from "../clock.js";
import { readBase64url } from "./base64url.js";

/**
 * The secret of a deployment, and the keys derived from it. Each purpose has a key of its own, so that no output of one
 * purpose is valid for another (RFC 5869). No other code holds the master key.
 */

/** The purpose of a derived key. It is part of the derivation, so a used name must never get another meaning. */
type KeyPurpose =
  | "signing-key" // sealed private keys
  | "client-secret" // hashes of secrets, and sealed ones that must be recoverable
  | "access-token" // sealed, opaque access tokens
  | "refresh-token" // MACs of refresh tokens
  | "authorization-code" // MACs of authorization codes
  | "device-code" // MACs of device codes
  | "user-code" // user codes of devices, and their hashes
  | "assertion" // hashes that identify assertions
  | "permission-ticket" // MACs of permission tickets
  | "persisted-claims" // sealed persisted claims tokens
  | "device-jti" // hashes that identify JWTs of devices
  | "dpop-nonce" // MACs of nonces for DPoP proofs
  | "device-psk" // sealed pre-shared keys of devices
  | "cookie" // hashes of cookie values
  | "form" // tokens that tie a form to its browser
  | "password" // the pepper of argon2id
  | "imported-hash" // sealed hashes of passwords and secrets that another system made
  | "decoy" // the choice of a decoy hash for an unknown name
  | "confirmation-code" // hashes of codes and their recipients
  | "tries" // keys of attempt counters
  | "registration" // hashes of tokens for the registration of clients
  | "pairwise-subject" // subjects and sessions as the clients of one sector know them
  | "console" // the secret of the console's client
  | "known-browser" // MACs of cookies of known browsers
  | "admin-cursor" // MACs of cursors of the Admin API
  | "admin-answer" // sealed answers of the Admin API, and MACs of their requests
  | "audit-key" // sealed keys that sign checkpoints of the audit log
  | "backup" // MACs of backup files
  | "lasting-keys" // sealed keys of purposes that outlive a change of the master key
  | "provisioned-entry"; // digests of provisioning entries

/**
 * Purposes whose keys survive a change of the master key, because hashes made with them are looked up or kept by clients. The keys are in
 * the database, sealed under the current master key (docs/decisions/0017). The last two purposes are for hashes without
 * a key identifier, from before master keys could change.
 */
const LASTING: readonly KeyPurpose[] = [
  ...(["assertion", "device-jti", "user-code", "cookie", "confirmation-code", "tries", "decoy"] as const),
  "provisioned-entry",
  "registration",
  "pairwise-subject",
  "console",
  ...(["password", "client-secret"] as const),
];

/** For these purposes the current master key derives a key of its own beside the lasting one. */
const RENEWED: ReadonlySet<string> = new Set(["password", "client-secret"]);

/** The length of the identifier of a master key in stored values. */
const KEY_ID_LENGTH = 6;

const SALT = 16;
const NONCE = 12;
const TAG = 16;

export class MasterKey {
  readonly #bytes: Buffer;
  readonly #random: Random;
  /** Key objects, because Node.js 24 takes six times as long for an HMAC whose key is bytes. */
  readonly #derived = new Map<string, KeyObject>();
  #lasting: ReadonlyMap<string, KeyObject> = new Map();

  /** This key, then earlier and future master keys: values made under them are accepted. */
  readonly accepted: readonly MasterKey[];
  /** A public identifier of the master key: base64url of 16 derived bytes. */
  readonly fingerprint: string;
  /** The identifier of this key, which is stored beside hashes made under it. */
  readonly keyId: Buffer;

  /**
   * @param bytes 32 bytes
   * @param others 32 bytes each
   */
  constructor(bytes: Buffer, random: Random = systemRandom, others: readonly Buffer[] = []) {
    if (bytes.length !== 32) throw new RangeError("a master key is 32 bytes");
    this.#bytes = bytes;
    this.#random = random;
    this.accepted = [this, ...others.map((one) => new MasterKey(one, random))];
    const identifier = this.derive("fingerprint").subarray(0, 16);
    this.fingerprint = identifier.toString("base64url");
    this.keyId = identifier.subarray(0, KEY_ID_LENGTH);
  }

  /** The accepted key with this identifier. */
  withKeyId(mark: Uint8Array): MasterKey | undefined {
    return this.accepted.find((one) => one.keyId.equals(mark));
  }

  /**
   * Loads the lasting keys of a database.
   * @param sealed the result of `sealLasting`; null for a database that still derives them from the key of
   *   `fingerprint`
   * @returns whether an accepted key could open them
   */
  useLasting(fingerprint: string, sealed: Uint8Array | null): boolean {
    const own = this.accepted.find((one) => one.fingerprint === fingerprint);
    const plain = sealed === null ? undefined : this.open("lasting-keys", sealed);
    if (sealed === null ? own === undefined : plain === undefined) return false;
    const kept = plain === undefined ? {} : (JSON.parse(plain.toString("utf8")) as Record<string, string>);
    this.#lasting = new Map(
      LASTING.map((purpose) => {
        const text = kept[purpose];
        const key = text === undefined ? (own ?? this).#derive(purpose) : createSecretKey(text, "base64url");
        return [purpose, key];
      }),
    );
    return true;
  }

  /** The lasting keys, sealed for the database. */
  sealLasting(): Buffer<ArrayBuffer> {
    const kept = LASTING.map((purpose) => [purpose, this.lasting(purpose).toString("base64url")]);
    return this.seal("lasting-keys", Buffer.from(JSON.stringify(Object.fromEntries(kept))));
  }

  /** The key of a purpose that survives a change of the master key. */
  lasting(purpose: KeyPurpose): Buffer {
    return this.#lastingKey(purpose).export();
  }

  /** The 32-byte key of a purpose (HKDF-SHA-256). */
  derive(purpose: KeyPurpose | "fingerprint"): Buffer {
    return this.#key(purpose).export();
  }

  #key(purpose: string): KeyObject {
    return RENEWED.has(purpose) ? this.#derive(purpose) : this.#lastingKey(purpose);
  }

  #lastingKey(purpose: string): KeyObject {
    return this.#lasting.get(purpose) ?? this.#derive(purpose);
  }

  #derive(purpose: string): KeyObject {
    let key = this.#derived.get(purpose);
    if (key === undefined) {
      key = createSecretKey(Buffer.from(hkdfSync("sha256", this.#bytes, "", `jeton/1/${purpose}`, 32)));
      this.#derived.set(purpose, key);
    }
    return key;
  }

  /** HMAC-SHA-256 of a text under the purpose's key. */
  mac(purpose: KeyPurpose, text: string): Buffer<ArrayBuffer> {
    return hmac(this.#key(purpose), text);
  }

  /** Whether `mac` is the MAC of the text under an accepted key, in constant time. */
  checkMac(purpose: KeyPurpose, text: string, mac: Uint8Array): boolean {
    return this.accepted.some((key) => isMac(key.#key(purpose), text, mac));
  }

  /** Whether `mac` is the MAC of the text under the lasting key of the purpose. */
  checkLastingMac(purpose: KeyPurpose, text: string, mac: Uint8Array): boolean {
    return isMac(this.#lastingKey(purpose), text, mac);
  }

  /** The same for a MAC in canonical base64url. */
  checkMacText(purpose: KeyPurpose, text: string, mac: string): boolean {
    const bytes = readBase64url(mac);
    return bytes !== undefined && this.checkMac(purpose, text, bytes);
  }

  /**
   * Encrypts and authenticates (AES-256-GCM). Each call derives a key from a random salt, so the 96-bit nonce does not
   * bound the number of calls (NIST SP 800-38D section 8.3).
   */
  seal(purpose: KeyPurpose, plain: Uint8Array): Buffer<ArrayBuffer> {
    const salt = this.#random(SALT);
    const nonce = this.#random(NONCE);
    const cipher = createCipheriv("aes-256-gcm", this.#sealingKey(purpose, salt), nonce);
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([salt, nonce, body, cipher.getAuthTag()]);
  }

  /** Decrypts the result of `seal` under an accepted key; undefined for anything else. */
  open(purpose: KeyPurpose, sealed: Uint8Array): Buffer | undefined {
    for (const key of this.accepted) {
      const plain = key.#open(purpose, sealed);
      if (plain !== undefined) return plain;
    }
    return undefined;
  }

  /** Seals a value again that another accepted key sealed. Undefined if this key sealed it, or none of them did. */
  reseal(purpose: KeyPurpose, sealed: Uint8Array): Buffer<ArrayBuffer> | undefined {
    if (this.#open(purpose, sealed) !== undefined) return undefined;
    const plain = this.open(purpose, sealed);
    return plain && this.seal(purpose, plain);
  }

  #open(purpose: KeyPurpose, sealed: Uint8Array): Buffer | undefined {
    if (sealed.length < SALT + NONCE + TAG) return undefined;
    const salt = sealed.subarray(0, SALT);
    const nonce = sealed.subarray(SALT, SALT + NONCE);
    const decipher = createDecipheriv("aes-256-gcm", this.#sealingKey(purpose, salt), nonce, { authTagLength: TAG });
    decipher.setAuthTag(sealed.subarray(-TAG));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(SALT + NONCE, -TAG)), decipher.final()]);
    } catch {
      return undefined;
    }
  }

  /** The same for a text in canonical base64url. */
  openText(purpose: KeyPurpose, sealed: string): Buffer | undefined {
    const bytes = readBase64url(sealed);
    return bytes && this.open(purpose, bytes);
  }

  #sealingKey(purpose: KeyPurpose, salt: Uint8Array): Buffer {
    return createHmac("sha256", this.#key(purpose)).update("seal").update(salt).digest();
  }
}

function hmac(key: KeyObject, text: string): Buffer<ArrayBuffer> {
  return createHmac("sha256", key).update(text, "utf8").digest() as Buffer<ArrayBuffer>;
}

function isMac(key: KeyObject, text: string, mac: Uint8Array): boolean {
  const expected = hmac(key, text);
  return mac.length === expected.length && timingSafeEqual(expected, mac);
}
