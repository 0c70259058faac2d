import type { Clock, Random } from "../clock.js";
import { replaceFile } from "../durable-file.js";
import { codeOf } from "../errors/error-code.js";
import { OperatorError } from "../errors/operator-error.js";
import { call, FetchFailed, type CallLimits } from "../outbound/fetch.js";
import { claimCheckpoint, markPublished, type Unpublished } from "../store/audit-trees.js";
import type { Db } from "../store/open.js";

/** Publishes checkpoints outside of the database, so that a user of the database cannot change them. */

/** The limits of one call. */
const LIMITS: CallLimits = { bytes: 64 * 1024, milliseconds: 5_000 };

export interface PublisherParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: {
    info(line: object, message: string): void;
    warn(line: object, message: string): void;
  };
  /** The file that has the last checkpoint. */
  readonly file?: string | undefined;
  /** The URL that each checkpoint is POSTed to. */
  readonly url?: string | undefined;
}

export class CheckpointPublisher {
  readonly #parts: PublisherParts;
  #written = "";

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Publishes the last checkpoint in the log and to the URL, unless another instance does. */
  async publish(): Promise<void> {
    const { db, clock, log, url } = this.#parts;
    const found = await claimCheckpoint(db, clock.statement());
    if (found === undefined) return;
    log.info(lineOf(found), "the audit log has a new checkpoint");
    // A call that fails is repeated once the claim is over, with the checkpoint of then.
    if (url === undefined || (await this.#post(url, found))) await markPublished(db, found);
  }

  /** Writes the last checkpoint into the file of this instance. @throws OperatorError */
  async writeFile(checkpoint: string | null): Promise<void> {
    const { file, random } = this.#parts;
    if (file === undefined || checkpoint === null || checkpoint === this.#written) return;
    await replaceFile(file, (opened) => opened.writeFile(checkpoint), random).catch((error: unknown) => {
      throw new OperatorError(`${file} cannot be written (${codeOf(error)})`);
    });
    this.#written = checkpoint;
  }

  async #post(url: string, { checkpoint }: Unpublished): Promise<boolean> {
    const headers = { "Content-Type": "text/plain; charset=utf-8" };
    const body = Buffer.from(checkpoint);
    try {
      const { status } = await call(url, { method: "POST", headers, body, limits: LIMITS, allowPrivate: true });
      if (status < 200 || status > 299) throw new FetchFailed(`answered ${status}`);
      return true;
    } catch (error) {
      if (!(error instanceof FetchFailed)) throw error;
      const line = { type: "audit", reason: error.reason };
      this.#parts.log.warn(line, "a checkpoint of the audit log could not be delivered; it is retried");
      return false;
    }
  }
}

function lineOf({ tree, size, public_key, checkpoint }: Unpublished): object {
  return { type: "audit_checkpoint", tree, size, public_key, checkpoint };
}
