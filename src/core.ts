import { ClientAuthentication } from "./clients/authenticate.js";
import { ClientDocuments } from "./clients/client-documents.js";
import { DialectUsage } from "./clients/dialect-usage.js";
import { NO_REGISTRATION, type RegistrationSettings } from "./clients/registration.js";
import { DpopNonces } from "./clients/dpop-nonces.js";
import { ClientRegistry } from "./clients/registry.js";
import type { CodeSender } from "./accounts/code-sender.js";
import { ConfirmationCodes } from "./accounts/confirmation-codes.js";
import { RateLimits } from "./accounts/rate-limits.js";
import { renewStoredIdentifiers } from "./accounts/identifier-form.js";
import { hashingSlots, Passwords, type HashingCost } from "./accounts/passwords.js";
import { AuditWriter } from "./audit/writer.js";
import { ClockDifference, type Clock, type Random } from "./clock.js";
import type { DecisionCounter, DecisionKeeper } from "./http/decision.js";
import { MasterKey } from "./keys/master-key.js";
import { KeyRing } from "./keys/ring.js";
import { RemoteKeySets } from "./outbound/key-sets.js";
import { Availability } from "./store/availability.js";
import { readEra } from "./store/continuity.js";
import type { ChangeFeed } from "./store/listen.js";
import type { Db } from "./store/open.js";
import type { Caller } from "./store/pool.js";
import { AccessTokens } from "./tokens/access-token.js";

/** The parts that decide. They are connected once, and every grant and endpoint receives them. */
export interface Core {
  /** The issuer identifier, exactly as in tokens and metadata. */
  readonly issuer: string;
  /** Previous issuer identifiers. Their tokens are recognised, and no new token has one. */
  readonly previousIssuers: readonly string[];
  readonly db: Db;
  /** The connection that waits for the result, if the core serves one request. */
  readonly caller: Caller | undefined;
  readonly feed: ChangeFeed;
  /** The time when this instance was last in service. */
  readonly availability: Availability;
  readonly clock: Clock;
  /** The difference between that clock and the database's. */
  readonly clockDifference: ClockDifference;
  readonly random: Random;
  readonly master: MasterKey;
  /** A number that changes with each restore of the database. State outside the database is bound to it. */
  readonly era: number;
  readonly ring: KeyRing;
  readonly registry: ClientRegistry;
  /** Finds the clients of authorizations, also those that a document describes. */
  readonly clientDocuments: ClientDocuments;
  readonly authentication: ClientAuthentication;
  /** The key sets of clients and issuers at their URIs. */
  readonly keySets: RemoteKeySets;
  /** Counts which client uses which dialect. */
  readonly usage: DialectUsage;
  readonly passwords: Passwords;
  readonly rateLimits: RateLimits;
  readonly codes: ConfirmationCodes;
  /** Undefined if confirmation codes cannot be sent. */
  readonly codeSender: CodeSender | undefined;
  readonly accessTokens: AccessTokens;
  /** Undefined if DPoP proofs need no nonce. */
  readonly dpopNonces: DpopNonces | undefined;
  /** Whether a client can present a certificate to this server or to a trusted proxy. */
  readonly takesCertificates: boolean;
  /** Whether documents of clients may be fetched from loopback and private addresses. */
  readonly allowsPrivateFetches: boolean;
  /** How clients may register themselves. */
  readonly registration: RegistrationSettings;
  /** Counts decisions for the metrics; undefined without administration. */
  readonly counter: DecisionCounter | undefined;
  /** Keeps decisions, so that they can be explained; undefined if none are kept. */
  readonly keeper: DecisionKeeper | undefined;
  /** Appends records to the audit log. */
  readonly audit: AuditWriter;
}

declare module "fastify" {
  interface FastifyInstance {
    core: Core;
  }
}

interface CoreParts {
  readonly issuer: string;
  /** None by default. */
  readonly previousIssuers?: readonly string[];
  readonly db: Db;
  readonly feed: ChangeFeed;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly random: Random;
  /** By default that of a process that serves no requests. */
  readonly availability?: Availability;
  readonly clockDifference?: ClockDifference;
  /** Whether a `jwks_uri` and a `sector_identifier_uri` may point at loopback and private addresses. */
  readonly allowPrivateKeySets?: boolean;
  readonly codeSender?: CodeSender | undefined;
  /** Whether a client can present a certificate; true by default. */
  readonly takesCertificates?: boolean | undefined;
  /** How clients may register themselves: not at all by default. */
  readonly registration?: RegistrationSettings;
  /** Whether DPoP proofs need a nonce of this server; false by default. */
  readonly wantsDpopNonces?: boolean;
  readonly counter?: DecisionCounter | undefined;
  readonly keeper?: DecisionKeeper | undefined;
  /** The file of this machine that has the last checkpoint of the audit log. */
  readonly auditCheckpointFile?: string | undefined;
  /** Receives problems that an operator has to solve, one line each. */
  readonly warn?: (line: string) => void;
  /** The cost of a password hash; tests use a lower one than production. */
  readonly hashing?: HashingCost | undefined;
  /** Server processes that share the cores of this machine; one by default. */
  readonly processes?: number;
}

/** Builds the core on an open, migrated store. */
export async function buildCore(parts: CoreParts): Promise<Core> {
  const { issuer, db, feed, master, clock, random, codeSender, allowPrivateKeySets = false } = parts;
  const { previousIssuers = [] } = parts;
  const { availability = new Availability(clock), clockDifference = new ClockDifference() } = parts;
  for (const line of await renewStoredIdentifiers(db)) parts.warn?.(line);
  const ring = await KeyRing.open(db, master, clock);
  feed.subscribe((change) => {
    // A fault that closed the listening connection may have broken the others silently.
    if (change === null) db.pool.renew();
    if (change === null || change.kind === "keys") void ring.reloadUntilCurrent();
  });
  const registry = new ClientRegistry(db, feed, issuer);
  const keySets = new RemoteKeySets({ clock, allowPrivate: allowPrivateKeySets });
  const rateLimits = new RateLimits(db, master, clock);
  const usage = new DialectUsage(db, clock);
  const passwords = new Passwords(master, random, hashingSlots(parts.processes ?? 1), parts.hashing);
  const registration = parts.registration ?? NO_REGISTRATION;
  const clientDocuments = new ClientDocuments({
    ...{ db, clock, registry, rateLimits },
    settings: registration,
    allowPrivate: allowPrivateKeySets,
  });
  return {
    issuer,
    previousIssuers,
    takesCertificates: parts.takesCertificates ?? true,
    allowsPrivateFetches: allowPrivateKeySets,
    registration,
    counter: parts.counter,
    audit: new AuditWriter({ db, master, random, issuer, checkpointFile: parts.auditCheckpointFile }),
    keeper: parts.keeper,
    db,
    // Present from the start: a copy that adds a member takes 50 times as long as one that replaces it.
    caller: undefined,
    feed,
    availability,
    clock,
    clockDifference,
    random,
    master,
    era: await readEra(db),
    ring,
    registry,
    clientDocuments,
    authentication: new ClientAuthentication(registry, clientDocuments, usage, {
      issuers: [issuer, ...previousIssuers],
      ...{ db, master, clock, keySets, rateLimits, passwords },
    }),
    keySets,
    usage,
    passwords,
    rateLimits,
    codes: new ConfirmationCodes(db, master, clock, random),
    codeSender,
    dpopNonces: parts.wantsDpopNonces === true ? new DpopNonces(master, clock) : undefined,
    accessTokens: new AccessTokens({ issuer, previousIssuers, ring, master, registry, clock, random }),
  };
}
