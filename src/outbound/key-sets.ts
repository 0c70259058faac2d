import type { JWK } from "jose";
import { z } from "zod";
import type { Clock } from "../clock.js";
import { isBroken, isSecret, isShort, isSlow } from "../keys/public-jwk.js";
import { FetchFailed, fetchPublic, type CallLimits } from "./fetch.js";

/** The limits of one fetch of a key set. */
const LIMITS: CallLimits = { bytes: 256 * 1024, milliseconds: 3_000 };

const ACCEPT = "application/jwk-set+json, application/json";

/** Largest number of keys in a set. */
const MAX_KEYS = 100;

/** Milliseconds for which a set is cached. A shorter Cache-Control is ignored, because it could empty the cache. */
const LIFETIME = 10 * 60_000;

/** Milliseconds between two fetches of a URI, so that unknown key ids cannot cause a storm of fetches. */
const COOL_DOWN = 30_000;

/** Largest number of cached URIs. */
const MAX_URIS = 1_000;

const member = z.string().optional();
const jwk = z.looseObject({
  kty: z.string(),
  kid: member,
  use: member,
  alg: member,
  crv: member,
  x: member,
  y: member,
  n: member,
  e: member,
});
const keySet = z.object({ keys: z.array(jwk).max(MAX_KEYS) });

/** The cache entry of one URI. */
interface Entry {
  keys?: { readonly list: readonly JWK[]; readonly readAt: number };
  /** The error of the last fetch, if it failed. */
  failure: FetchFailed | undefined;
  triedAt: number;
  underWay: Promise<void> | undefined;
}

/** The key sets that clients publish at their `jwks_uri` (RFC 7591 section 2), fetched rarely and cached for a short time. */
export class RemoteKeySets {
  readonly #clock: Clock;
  readonly #allowPrivate: boolean;
  readonly #limits: CallLimits;
  /** The least recently used entry comes first. */
  readonly #entries = new Map<string, Entry>();

  constructor({
    clock,
    allowPrivate,
    limits = LIMITS,
  }: {
    readonly clock: Clock;
    readonly allowPrivate: boolean;
    readonly limits?: CallLimits;
  }) {
    this.#clock = clock;
    this.#allowPrivate = allowPrivate;
    this.#limits = limits;
  }

  /**
   * The public keys at a URI: the cached ones if `wants` accepts them, otherwise those of a new fetch, as far as the cool-down
   * allows one. A caller that comes during a fetch waits for it.
   * @throws FetchFailed if the last fetch failed and the cached keys have expired or are not accepted
   */
  async find(jwks_uri: string, wants: (keys: readonly JWK[]) => boolean): Promise<readonly JWK[]> {
    const entry = this.#entry(jwks_uri);
    const known = this.#isWithin(LIFETIME, entry.keys?.readAt) ? entry.keys?.list : undefined;
    if (known !== undefined && wants(known)) return known;
    if (entry.underWay === undefined && !this.#isWithin(COOL_DOWN, entry.triedAt)) {
      entry.underWay = this.#fetch(jwks_uri, entry).finally(() => (entry.underWay = undefined));
    }
    await entry.underWay;
    if (entry.failure !== undefined) throw entry.failure;
    return entry.keys?.list ?? [];
  }

  async #fetch(jwks_uri: string, entry: Entry): Promise<void> {
    entry.triedAt = this.#clock.now();
    try {
      const { status, body } = await fetchPublic(jwks_uri, this.#limits, {
        allowPrivate: this.#allowPrivate,
        accept: ACCEPT,
      });
      if (status !== 200) throw new FetchFailed(`answered ${status}`);
      entry.keys = { list: readKeySet(body), readAt: this.#clock.now() };
      entry.failure = undefined;
    } catch (error) {
      if (!(error instanceof FetchFailed)) throw error;
      entry.failure = error;
    }
  }

  #entry(jwks_uri: string): Entry {
    const entry = this.#entries.get(jwks_uri) ?? { failure: undefined, triedAt: -Infinity, underWay: undefined };
    this.#entries.delete(jwks_uri);
    this.#entries.set(jwks_uri, entry);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > MAX_URIS && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  /** Whether less than `limit` milliseconds have passed. A time in the future counts as past: the clock was set back. */
  #isWithin(limit: number, time = -Infinity): boolean {
    const age = this.#clock.now() - time;
    return age >= 0 && age < limit;
  }
}

/** Bits of an RSA key at most: strangers have key sets too. */
const MAX_RSA_BITS = 8_192;

/** The keys of a set that may verify signatures: private, symmetric, short and slow keys are dropped. */
function readKeySet(body: Buffer): readonly JWK[] {
  const result = keySet.safeParse(parse(body));
  if (!result.success) throw new FetchFailed(`not a key set of at most ${MAX_KEYS} keys`);
  const isUsable = (key: JWK) => !isSecret(key) && !isShort(key) && !isSlow(key, MAX_RSA_BITS) && !isBroken(key);
  return (result.data.keys as JWK[]).filter(isUsable);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
