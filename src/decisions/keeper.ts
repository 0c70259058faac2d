import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../clock.js";
import { lineOf, type AuditFacts, type DecidedRequest, type DecisionKeeper } from "../http/decision.js";
import { keepDecisions, type NewDecision } from "../store/decisions.js";
import type { Db } from "../store/open.js";
import { isKept } from "./kept-operations.js";
import { toRecall, type KnownNames } from "./recalled.js";

/** Decisions that are written with one statement. Few, because forming them keeps the process from answering. */
const BATCH = 200;

/** Decisions of one kind that a process keeps in one second, at most. The kinds are granted and refused. */
const MAX_PER_SECOND = 1_000;

/** Decisions of one kind that wait to be written, at most. */
const MAX_WAITING = 2_000;

/** Milliseconds between two attempts to write. */
const INTERVAL = 1_000;

/** Milliseconds between two warnings about decisions that could not be written. */
const WARNED_EVERY = 60_000;

const NO_NAMES: KnownNames = { scopes: new Map(), issuer: "" };

/** Why a decision is not kept. */
type DropReason = "rate" | "full" | "failed";

interface KeeperParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Pick<FastifyBaseLogger, "warn">;
  /** The names that the server knows. Others that a request has in it are not kept. */
  readonly names: () => Promise<KnownNames>;
  /** Counts decisions that are not kept; undefined without administration. */
  readonly metrics: { dropped(reason: DropReason, count: number): void } | undefined;
}

interface Waiting {
  readonly id: string;
  readonly facts: AuditFacts;
  readonly request: DecidedRequest;
  readonly at: number;
}

/** The decisions of one kind. A flood of the other kind takes none of their room. */
interface Lane {
  readonly waiting: Waiting[];
  /** Decisions since the last tick. */
  count: number;
}

/**
 * Keeps decisions without making a request wait. A request leaves its facts in memory. They are formed and written later, in
 * batches, on a connection that no request waits for. What there is no room for, and what cannot be written, is counted and lost.
 */
class Keeper implements DecisionKeeper {
  readonly #parts: KeeperParts;
  readonly #granted: Lane = { waiting: [], count: 0 };
  readonly #refused: Lane = { waiting: [], count: 0 };
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> | undefined;
  #from: Date | null = null;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.#tick(), INTERVAL).unref();
  }

  keep(id: string, facts: AuditFacts, request: DecidedRequest): void {
    if (!isKept(facts)) return;
    const lane = facts.refusal === undefined ? this.#granted : this.#refused;
    if (lane.count >= MAX_PER_SECOND) return this.#parts.metrics?.dropped("rate", 1);
    if (lane.waiting.length >= MAX_WAITING) return this.#parts.metrics?.dropped("full", 1);
    lane.count += 1;
    if (lane.waiting.push({ id, facts, request, at: performance.now() }) === BATCH) this.#write();
  }

  async flush(): Promise<void> {
    await this.#writing;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      if (!(await this.#keep(batch))) return;
    }
  }

  /** Writes what waits. What cannot be written is lost. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
    const left = this.#granted.waiting.length + this.#refused.waiting.length;
    if (left > 0) this.#parts.metrics?.dropped("failed", left);
  }

  #tick(): void {
    this.#granted.count = this.#refused.count = 0;
    this.#write();
  }

  /** Begins to write, unless that is under way. It goes on while full batches wait. */
  #write(): void {
    this.#writing ??= this.#writeBatches().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeBatches(): Promise<void> {
    do {
      // Requests come first. What waits is tried again with the next tick.
      if (!this.#parts.db.pool.hasSpare) return;
      const batch = this.#take();
      if (batch.length === 0 || !(await this.#keep(batch))) return;
    } while (this.#granted.waiting.length >= BATCH || this.#refused.waiting.length >= BATCH);
  }

  /** The next batch: refusals first, because people ask for their reasons. */
  #take(): readonly Waiting[] {
    const refused = this.#refused.waiting.splice(0, BATCH);
    return [...refused, ...this.#granted.waiting.splice(0, BATCH - refused.length)];
  }

  /** @returns whether it succeeded */
  async #keep(batch: readonly Waiting[]): Promise<boolean> {
    const { db, clock, log, metrics } = this.#parts;
    const now = performance.now();
    try {
      const names = batch.some(({ facts }) => hasNames(facts)) ? await this.#parts.names() : NO_NAMES;
      const rows = batch.map((one) => rowOf(one, now, names));
      this.#from = await keepDecisions(db, rows, clock.statement(), this.#from);
      return true;
    } catch (err) {
      metrics?.dropped("failed", batch.length);
      if (now - this.#warnedAt >= WARNED_EVERY) {
        this.#warnedAt = now;
        log.warn({ type: "decisions", err }, "decisions could not be kept, so they cannot be explained");
      }
      return false;
    }
  }
}

/** Keeps decisions, unless they are kept for 0 seconds. */
export function openKeeper({ kept, ...parts }: KeeperParts & { readonly kept: number }): Keeper | undefined {
  return kept === 0 ? undefined : new Keeper(parts);
}

/** Whether a request names scopes or resource servers that have to be looked up. */
function hasNames({ scope_beyond = [], resource_named, audience_named }: AuditFacts): boolean {
  return scope_beyond.length > 0 || (resource_named ?? audience_named) !== undefined;
}

function rowOf({ id, facts, request, at }: Waiting, now: number, names: KnownNames): NewDecision {
  const { client_id = null, sub = null, refusal } = facts;
  const again = toRecall(facts, names);
  return {
    id,
    age: now - at,
    code: refusal?.row.code ?? null,
    client_id,
    sub,
    facts: Object.assign(lineOf(facts, request), { again }),
  };
}
