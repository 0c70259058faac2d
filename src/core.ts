import { ClientAuthentication } from "./clients/authenticate.js";
import { DialectUsage } from "./clients/dialect-usage.js";
import { ClientRegistry } from "./clients/registry.js";
import type { CodeSender } from "./accounts/code-sender.js";
import { ConfirmationCodes } from "./accounts/confirmation-codes.js";
import { RateLimits } from "./accounts/rate-limits.js";
import { renewStoredIdentifiers } from "./accounts/identifier-form.js";
import { Passwords, type HashingCost } from "./accounts/passwords.js";
import { ClockDifference, type Clock, type Random } from "./clock.js";
import { MasterKey } from "./keys/master-key.js";
import { KeyRing } from "./keys/ring.js";
import { RemoteKeySets } from "./outbound/key-sets.js";
import { Availability } from "./store/availability.js";
import { readEra } from "./store/continuity.js";
import type { ChangeFeed } from "./store/listen.js";
import type { Db } from "./store/open.js";
import type { Caller } from "./store/pool.js";
import { AccessTokens } from "./tokens/access-token.js";

/** What every grant and endpoint is handed: the parts that decide, wired once. */
export interface Core {
  /** The issuer identifier, exactly as it stands in tokens and metadata. */
  readonly issuer: string;
  /** Issuers it had before: what names them is recognised, and nothing new is written under them. */
  readonly previousIssuers: readonly string[];
  readonly db: Db;
  /** Who waits for what is being done, where it is done for one request. */
  readonly caller?: Caller;
  readonly feed: ChangeFeed;
  /** When this instance was in service last. */
  readonly availability: Availability;
  readonly clock: Clock;
  /** How far that clock is from the database's. */
  readonly clockDifference: ClockDifference;
  readonly random: Random;
  readonly master: MasterKey;
  /** Another number after each restore of the database: what is remembered outside it is bound to it. */
  readonly era: number;
  readonly ring: KeyRing;
  readonly registry: ClientRegistry;
  readonly authentication: ClientAuthentication;
  /** Which client uses which dialect. */
  readonly usage: DialectUsage;
  readonly passwords: Passwords;
  readonly rateLimits: RateLimits;
  readonly codes: ConfirmationCodes;
  /** Undefined where confirmation codes cannot be sent. */
  readonly codeSender: CodeSender | undefined;
  readonly accessTokens: AccessTokens;
  /** Whether a client can show a certificate: to this server itself, or to a proxy that it trusts. */
  readonly takesCertificates: boolean;
}

declare module "fastify" {
  interface FastifyInstance {
    core: Core;
  }
}

interface CoreParts {
  readonly issuer: string;
  /** None where nothing is said. */
  readonly previousIssuers?: readonly string[];
  readonly db: Db;
  readonly feed: ChangeFeed;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly random: Random;
  /** By default of a process that does not serve. */
  readonly availability?: Availability;
  readonly clockDifference?: ClockDifference;
  /** Whether a `jwks_uri` may point at loopback and private addresses. */
  readonly allowPrivateKeySets?: boolean;
  readonly codeSender?: CodeSender | undefined;
  /** Whether a client can show a certificate; it can where nothing is said. */
  readonly takesCertificates?: boolean;
  /** Told what an operator has to settle, one line at a time. */
  readonly warn?: (line: string) => void;
  /** What a password hash costs; production has one cost, a test run another. */
  readonly hashing?: HashingCost | undefined;
}

/** Wires the core over an open, migrated store. */
export async function buildCore(parts: CoreParts): Promise<Core> {
  const { issuer, db, feed, master, clock, random, codeSender, allowPrivateKeySets = false } = parts;
  const { previousIssuers = [] } = parts;
  const { availability = new Availability(clock), clockDifference = new ClockDifference() } = parts;
  for (const line of await renewStoredIdentifiers(db)) parts.warn?.(line);
  const ring = await KeyRing.open(db, master, clock);
  feed.subscribe((change) => {
    // What cut off the listening connection may have cut off the others without a word.
    if (change === null) db.pool.renew();
    if (change === null || change.kind === "keys") void ring.reloadUntilCurrent();
  });
  const registry = new ClientRegistry(db, feed);
  const keySets = new RemoteKeySets({ clock, allowPrivate: allowPrivateKeySets });
  const rateLimits = new RateLimits(db, master, clock);
  const usage = new DialectUsage(db, clock);
  const passwords = new Passwords(master, random, undefined, parts.hashing);
  return {
    issuer,
    previousIssuers,
    takesCertificates: parts.takesCertificates ?? true,
    db,
    feed,
    availability,
    clock,
    clockDifference,
    random,
    master,
    era: await readEra(db),
    ring,
    registry,
    authentication: new ClientAuthentication(registry, usage, { db, master, clock, keySets, rateLimits, passwords }),
    usage,
    passwords,
    rateLimits,
    codes: new ConfirmationCodes(db, master, clock, random),
    codeSender,
    accessTokens: new AccessTokens({ issuer, previousIssuers, ring, master, registry, clock, random }),
  };
}
