import type { Clock } from "../clock.js";
import { OperatorError } from "../errors/operator-error.js";
import { isDue } from "../store/audit-append.js";
import type { Db } from "../store/open.js";
import { CheckpointPublisher, type PublisherParts } from "./publish.js";
import { cut } from "./remove.js";
import type { AuditWriter } from "./writer.js";

/** Milliseconds between two rounds of the writer. */
export const AUDIT_INTERVAL = 1_000;

/** Milliseconds between two looks for records that are too old. */
const CUT_INTERVAL = 60_000;

/** Milliseconds until a fault is logged again. */
const REMINDER = 60_000;

interface RoundParts {
  readonly db: Db;
  readonly writer: AuditWriter;
  readonly publisher: CheckpointPublisher;
  readonly log: PublisherParts["log"] & { error(line: object, message: string): void };
  /** Seconds for which records are kept; undefined for ever. */
  readonly kept: number | undefined;
  readonly clock: Clock;
}

interface AuditSettings {
  readonly AUDIT_KEPT?: number | undefined;
  readonly AUDIT_CHECKPOINT_FILE?: string | undefined;
  readonly AUDIT_CHECKPOINT_URL?: string | undefined;
}

/** @returns one round of a server */
export function auditRounds(
  {
    db,
    random,
    clock,
    audit: writer,
  }: Pick<PublisherParts, "db" | "random" | "clock"> & { readonly audit: AuditWriter },
  { AUDIT_KEPT, AUDIT_CHECKPOINT_FILE: file, AUDIT_CHECKPOINT_URL: url }: AuditSettings,
  log: RoundParts["log"],
): () => Promise<void> {
  const publisher = new CheckpointPublisher({ db, clock, random, log, file, url });
  const rounds = new AuditRounds({
    db,
    writer,
    publisher,
    log,
    kept: AUDIT_KEPT === 0 ? undefined : AUDIT_KEPT,
    clock,
  });
  return () => rounds.round();
}

/** The rounds in which a server appends records, publishes checkpoints, and cuts the log. */
class AuditRounds {
  readonly #parts: RoundParts;
  #cutAt = Number.NEGATIVE_INFINITY;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  /** One round. A log that is not whole is reported, and gets no further records until it is. */
  async round(): Promise<void> {
    try {
      await this.#work();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      if (performance.now() - this.#loggedAt < REMINDER) return;
      this.#loggedAt = performance.now();
      this.#parts.log.error({ type: "audit", alarm: "audit_log" }, `the audit log gets no records: ${error.message}`);
    }
  }

  async #work(): Promise<void> {
    const { db, writer, publisher, kept, clock } = this.#parts;
    await writer.append("leave");
    const { unpublished, checkpoint } = await isDue(db);
    if (unpublished) await publisher.publish();
    await publisher.writeFile(checkpoint);
    if (kept === undefined || performance.now() - this.#cutAt < CUT_INTERVAL) return;
    this.#cutAt = performance.now();
    await cut(writer, kept, clock.statement());
  }
}
