import { setTimeout as delay } from "node:timers/promises";
import type { JWK, JWTPayload } from "jose";
import { epochSeconds, hasCome, type Clock } from "../clock.js";
import { OperatorError } from "../errors/operator-error.js";
import { asActor, type Caller } from "../store/audit-actor.js";
import { databaseTime, exclusively, LOCKS, type Db, type Transaction } from "../store/open.js";
import {
  activateKey,
  addKey,
  allKeys,
  longestSignedLifetime,
  retireKey,
  type SigningKeyRow,
} from "../store/signing-keys.js";
import { describeKey, type DescribedKey, type KeyState } from "./key-state.js";
import type { MasterKey } from "./master-key.js";
import { hasType, readClaims, readJwt, type OwnJwt } from "./own-jwt.js";
import { SignatureKey } from "./signature-key.js";
import { FIRST_ALGORITHMS, makeKey, SIGNING_ALGORITHMS, type SigningAlgorithm } from "./signing-key.js";

/** Seconds for which the published keys may be cached. */
export const JWKS_MAX_AGE = 300;

/** Seconds that a superseded key stays published beyond the longest-lived token that it can have signed. */
const RETENTION_MARGIN = 24 * 60 * 60;

/** Milliseconds between two reads of the store because of an unknown `kid`. */
const UNKNOWN_KID_COOLDOWN = 1_000;

/** Milliseconds between two attempts to read the ring after a change. */
const RETRY = 1_000;

/** Seconds by which an instance's clock may be behind the database's without accepting a leaked key. */
const MAX_CLOCK_BEHIND = 12 * 60 * 60;

interface RingKey {
  readonly row: SigningKeyRow;
  readonly key: SignatureKey;
}

/** This master key does not open a sealed key: the key is damaged, or another deployment's. */
class KeyRingError extends OperatorError {}

/** The signing keys: the next one is published before it signs, a retired one until its last token has expired. */
export class KeyRing {
  readonly #db: Db;
  readonly #master: MasterKey;
  readonly #clock: Clock;
  #keys: readonly RingKey[] = [];
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** The number of the latest read, and of the read that the keys are from. */
  #reads = 0;
  #readOf = 0;
  /** The latest read in progress. */
  #reading: Promise<void> | undefined;

  private constructor(db: Db, master: MasterKey, clock: Clock) {
    this.#db = db;
    this.#master = master;
    this.#clock = clock;
  }

  /** Opens the ring. In an empty database it creates the first keys. */
  static async open(db: Db, master: MasterKey, clock: Clock): Promise<KeyRing> {
    const ring = new KeyRing(db, master, clock);
    if ((await allKeys(db)).length === 0) await ring.#makeFirst(FIRST_ALGORITHMS);
    else await ring.reload();
    return ring;
  }

  /** Reads the ring again, after another instance has changed it. */
  async reload(): Promise<void> {
    const reading = this.#read(++this.#reads);
    this.#reading = reading;
    try {
      await reading;
    } finally {
      if (this.#reading === reading) this.#reading = undefined;
    }
  }

  /** Reads the ring after a change, and repeats it until a read that began after the change succeeds. */
  async reloadUntilCurrent(): Promise<void> {
    const wanted = this.#reads + 1;
    while (this.#readOf < wanted) await this.reload().catch(() => delay(RETRY, undefined, { ref: false }));
  }

  /** Ignores a slow answer that arrives after a newer one. */
  async #read(read: number): Promise<void> {
    const known = new Map(this.#keys.map((key) => [key.row.kid, key]));
    const keys = (await allKeys(this.#db)).map((row) => {
      const before = known.get(row.kid);
      return before === undefined ? this.#import(row) : { ...before, row };
    });
    if (read < this.#readOf) return;
    this.#keys = keys;
    this.#readOf = read;
    this.#loadedAt = performance.now();
  }

  /** Signs a JWT with the current key of the algorithm. The first use of an algorithm makes its keys. */
  async sign(alg: SigningAlgorithm, typ: string, claims: JWTPayload): Promise<{ text: string; kid: string }> {
    const { row, key } = this.#currentOrNone(alg) ?? (await this.#firstOf(alg));
    return { text: await key.sign(typ, claims), kid: row.kid };
  }

  /**
   * Verifies a JWT that this server signed, also an expired one.
   * @param types the media types that it may have
   * @returns undefined for any other text, and for a JWT of another media type
   */
  async verify(text: string, ...types: readonly string[]): Promise<OwnJwt | undefined> {
    const jwt = readJwt(text);
    if (jwt === undefined || !types.some((typ) => hasType(jwt.header, typ))) return undefined;
    const { kid, alg } = jwt.header;
    const found = await this.#find(kid, alg);
    if (!found?.key.isGenuine(jwt)) return undefined;
    const read = readClaims(jwt.payload, epochSeconds(this.#clock));
    return read && { ...read, kid: found.row.kid };
  }

  /** The published JWK Set (RFC 7517 section 5): public keys only. */
  get jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#published().map(({ row }) => row.public_jwk as JWK) };
  }

  /** Every key with its present state. */
  describe(): readonly DescribedKey[] {
    const now = this.#clock.now();
    return this.#keys.map(({ row }) => describeKey(row, this.#state(row), now));
  }

  /**
   * Makes the next keys current and creates new next keys. Caches of the key set must have a key before it signs, so a
   * key published too recently becomes current later, at the returned time.
   * @param leaked the next key signs at once, and every signature of the old one is rejected. Caches of the key set may
   *   refuse good tokens for JWKS_MAX_AGE
   * @param caller who rotates them; by default the server itself
   */
  async rotate(leaked = false, caller?: Caller): Promise<readonly { alg: string; kid: string; active_from: Date }[]> {
    const rotated = await exclusively(this.#db, LOCKS.keys, async (tx) => {
      if (caller !== undefined) await asActor(tx, caller);
      const rows = await allKeys(tx);
      const outcome = [];
      const now = await databaseTime(tx, this.#clock.statement());
      for (const alg of SIGNING_ALGORITHMS.filter((alg) => rows.some((row) => row.alg === alg)))
        outcome.push(await this.#rotateOne(tx, alg, { rows, now, leaked }));
      return outcome;
    });
    await this.reload();
    return rotated;
  }

  async #rotateOne(
    tx: Transaction,
    alg: SigningAlgorithm,
    { rows, now, leaked }: { rows: readonly SigningKeyRow[]; now: number; leaked: boolean },
  ) {
    const mine = rows.filter((row) => row.alg === alg);
    const pending = mine.find(({ active_from }) => active_from !== null && active_from.getTime() > now);
    if (pending?.active_from && !leaked) return { alg, kid: pending.kid, active_from: pending.active_from };

    const next = pending ?? mine.find((row) => row.active_from === null);
    if (next === undefined) throw new KeyRingError(`there is no next ${alg} key`);
    const cachedWithoutIt = rows.some((row) => row.published_at < next.published_at);
    const seenByAll = cachedWithoutIt && !leaked ? next.published_at.getTime() + 2 * JWKS_MAX_AGE * 1000 : now;
    // The key with the latest active_from signs. So this one must be the latest, even if the previous was set by a
    // clock that is ahead.
    const latest = mine.filter((row) => row.kid !== next.kid).map((row) => (row.active_from?.getTime() ?? 0) + 1);
    const active_from = new Date(Math.max(now, seenByAll, ...latest));
    await activateKey(tx, next.kid, active_from);

    const kept = leaked ? -MAX_CLOCK_BEHIND : (await longestSignedLifetime(tx)) + RETENTION_MARGIN;
    const superseded = mine.filter((row) => row.kid !== next.kid && row.active_from !== null);
    for (const { kid, retain_until } of superseded) {
      if (leaked || retain_until === null) await retireKey(tx, kid, new Date(active_from.getTime() + kept * 1000));
    }
    if (pending === undefined) await addKey(tx, await makeKey(this.#master, alg, new Date(now), null));
    return { alg, kid: next.kid, active_from };
  }

  async #firstOf(alg: SigningAlgorithm): Promise<RingKey> {
    await this.#makeFirst([alg]);
    return this.#current(alg);
  }

  /** Makes the first keys of algorithms, if no other instance has. The key set has them when this returns. */
  async #makeFirst(algorithms: readonly SigningAlgorithm[]): Promise<void> {
    await exclusively(this.#db, LOCKS.keys, async (tx) => {
      const rows = await allKeys(tx);
      const now = new Date(await databaseTime(tx, this.#clock.statement()));
      for (const alg of algorithms.filter((one) => rows.every((row) => row.alg !== one))) {
        await addKey(tx, await makeKey(this.#master, alg, now, now));
        await addKey(tx, await makeKey(this.#master, alg, now, null));
      }
    });
    await this.reload();
  }

  #import(row: SigningKeyRow): RingKey {
    const plain = this.#master.open("signing-key", row.sealed_private);
    if (plain === undefined) throw new KeyRingError(`the signing key ${row.kid} cannot be opened with this master key`);
    const { kid } = row;
    const alg = row.alg as SigningAlgorithm;
    const privateKey = JSON.parse(plain.toString("utf8")) as JWK;
    return { row, key: new SignatureKey({ kid, alg }, privateKey, row.public_jwk as JWK) };
  }

  /**
   * The latest key that is active by this instance's clock. If the clock is so far behind that none is, the first to
   * become active.
   */
  #currentOrNone(alg: SigningAlgorithm): RingKey | undefined {
    const now = this.#clock.now();
    const mine = this.#published()
      .filter(({ row }) => row.alg === alg && row.active_from !== null)
      .sort((one, other) => one.row.active_from!.getTime() - other.row.active_from!.getTime());
    return mine.findLast(({ row }) => hasCome(row.active_from!.getTime(), now)) ?? mine[0];
  }

  #current(alg: SigningAlgorithm): RingKey {
    const key = this.#currentOrNone(alg);
    if (key === undefined) throw new KeyRingError(`there is no current ${alg} key`);
    return key;
  }

  /** The keys whose signatures are accepted. */
  #published(): readonly RingKey[] {
    const now = this.#clock.now();
    return this.#keys.filter(({ row }) => row.retain_until === null || row.retain_until.getTime() > now);
  }

  #state({ kid, alg, active_from }: SigningKeyRow): KeyState {
    if (active_from === null) return "next";
    if (this.#current(alg as SigningAlgorithm).row.kid === kid) return "current";
    return !hasCome(active_from.getTime(), this.#clock.now()) ? "pending" : "retired";
  }

  /** The published key that a header names. */
  async #find(kid: unknown, alg: unknown): Promise<RingKey | undefined> {
    const seek = () => this.#published().find(({ row }) => row.kid === kid && row.alg === alg);
    const found = seek();
    if (found !== undefined || !SIGNING_ALGORITHMS.some((one) => one === alg)) return found;
    // The read in progress may bring the key: another instance may sign with it as soon as it is stored.
    if (this.#reading !== undefined) await this.#reading;
    else if (performance.now() - this.#loadedAt > UNKNOWN_KID_COOLDOWN) await this.reload();
    return seek();
  }
}
