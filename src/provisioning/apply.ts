import type { Caller } from "../store/audit-actor.js";
import { clientsWithoutSecret } from "../store/clients.js";
import { MAX_ROWS } from "../store/batches.js";
import type { Db } from "../store/open.js";
import { writeBatch, type Conflict } from "./batch.js";
import { ProvisioningError } from "./raw-entry.js";
import { EntryChecker, type Entry } from "./read.js";
import { inSmallHeap } from "./small-heap.js";
import { fileSource, textSource, type Source } from "./source.js";
import { tornAudiences } from "./torn-audiences.js";
import { UndeclaredScopes } from "./undeclared-scopes.js";
import { Warnings } from "./warnings.js";
import type { Vault } from "./write.js";

export interface Applied {
  /** The number of entries written, and of entries in the file. */
  readonly written: number;
  readonly entries: number;
  /** One line for each entry that was skipped, with `keepGoing`. */
  readonly refused?: readonly string[];
  /** One line each. */
  readonly warnings: readonly string[];
}

interface ApplyOptions {
  /** Whether faulty entries are skipped; otherwise the first one ends the run. */
  readonly keepGoing?: boolean;
  /** Receives the progress, one line at a time. */
  readonly report?: (line: string) => void;
  /** Who applies the file; by default the server itself. */
  readonly caller?: Caller | undefined;
}

/** A file with at most this many entries is written whole or not at all. */
const MAX_WHOLE = MAX_ROWS;

/** Entries of a larger file per transaction: few, so that their memory is soon free again. */
const BATCH = 250;

/** Entries between two progress lines. */
const PROGRESS = 10_000;

/**
 * Applies a provisioning file. Entries that have changed since they were last applied are written whole, the others are not
 * touched, and nothing is deleted. A faulty file is refused before anything is written.
 * @param text a JSON document
 * @throws ProvisioningError naming the place in the file
 */
export function apply(db: Db, vault: Vault, text: string, options: ApplyOptions = {}): Promise<Applied> {
  return applySource(db, vault, textSource(text), options);
}

/** Applies a file of JSON, JSON Lines or CSV; its name tells which. @throws OperatorError also if it cannot be read */
export async function applyFile(db: Db, vault: Vault, path: string, options: ApplyOptions): Promise<Applied> {
  const source = await fileSource(path);
  const work = () => applySource(db, vault, source, options);
  return source.isLarge ? inSmallHeap(work) : work();
}

async function applySource(db: Db, vault: Vault, source: Source, options: ApplyOptions): Promise<Applied> {
  if (options.keepGoing === true) return new Application(db, vault, options).write(source);
  const { total, only } = await checkWhole(source);
  return new Application(db, vault, options, total).write(source, only);
}

/** @returns the number of entries, and the entries themselves if they are few @throws ProvisioningError for the first fault */
async function checkWhole(source: Source): Promise<{ readonly total: number; readonly only?: readonly Entry[] }> {
  let total = 0;
  let only: Entry[] | undefined = [];
  for await (const entry of checked(source, refuse)) {
    total += 1;
    if (total > MAX_WHOLE) only = undefined;
    only?.push(entry);
  }
  return only === undefined ? { total } : { total, only };
}

function refuse(fault: string): never {
  throw new ProvisioningError(fault);
}

/** The sound entries of a file. @param leaveOut receives one line about each faulty one */
async function* checked(source: Source, leaveOut: (fault: string) => void): AsyncGenerator<Entry> {
  const checker = new EntryChecker();
  for await (const found of source.entries()) {
    const entry = checker.check(found);
    if (typeof entry === "string") leaveOut(entry);
    else yield entry;
  }
}

/** Groups them in lists of at most BATCH. */
async function* batchesOf(entries: AsyncIterable<Entry>): AsyncGenerator<readonly Entry[]> {
  let batch: Entry[] = [];
  for await (const entry of entries) {
    if (batch.push(entry) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** One run over a file. Each batch is committed by itself, so that a run after a kill continues where the last one stopped. */
class Application {
  readonly #db: Db;
  readonly #vault: Vault;
  readonly #options: ApplyOptions;
  readonly #total: number | undefined;
  readonly #refused: string[] = [];
  readonly #warnings: Warnings;
  readonly #undeclared: UndeclaredScopes;
  #hasScopes = false;
  #seen = 0;
  #due = PROGRESS;
  #written = 0;

  /** @param total the number of entries in the file, if it is known */
  constructor(db: Db, vault: Vault, options: ApplyOptions, total?: number) {
    this.#db = db;
    this.#vault = vault;
    this.#options = options;
    this.#total = total;
    this.#warnings = new Warnings(vault);
    this.#undeclared = new UndeclaredScopes(db);
  }

  /** @param only all entries, if the file is written whole or not at all */
  async write(source: Source, only?: readonly Entry[]): Promise<Applied> {
    if (only !== undefined) await this.#writeBatch(only, true);
    else await this.#retry(await this.#writeAll(source));
    const refused = this.#refused.length > 0 ? { refused: this.#refused } : {};
    const torn = this.#hasScopes ? await tornAudiences(this.#db) : [];
    const warnings = this.#warnings.lines([...(await this.#undeclared.lines()), ...torn]);
    return { written: this.#written, entries: this.#seen, ...refused, warnings };
  }

  async #writeAll(source: Source): Promise<readonly Conflict[]> {
    const conflicts: Conflict[] = [];
    const leaveOut = (fault: string) => {
      this.#seen += 1;
      this.#refused.push(fault);
    };
    for await (const batch of batchesOf(checked(source, this.#options.keepGoing === true ? leaveOut : refuse))) {
      conflicts.push(...(await this.#writeBatch(batch, false)));
      this.#reportProgress();
    }
    return conflicts;
  }

  /** Retries refused entries, which may need a later one: two users swap their names, or a thing comes before its app. */
  async #retry(conflicts: readonly Conflict[]): Promise<void> {
    let left = conflicts;
    for (let before = Infinity; left.length > 0 && left.length < before;) {
      before = left.length;
      const entries = left.map(({ entry }) => entry);
      const still: Conflict[] = [];
      for (let at = 0; at < entries.length; at += BATCH) {
        const outcome = await this.#write(entries.slice(at, at + BATCH), false);
        this.#written += outcome.written;
        still.push(...outcome.conflicts);
      }
      left = still;
    }
    const [first] = left;
    if (first !== undefined && this.#options.keepGoing !== true) {
      const rest = `${this.#seen - left.length} of ${this.#seen} entries are applied, and the next run does not write them again`;
      throw new ProvisioningError(`${first.fault}; ${rest}`, "conflict");
    }
    this.#refused.push(...left.map(({ fault }) => fault));
  }

  async #writeBatch(entries: readonly Entry[], asOne: boolean): Promise<readonly Conflict[]> {
    const { written, conflicts } = await this.#write(entries, asOne);
    this.#seen += entries.length;
    this.#written += written;
    await this.#warn(entries, new Set(conflicts.map(({ entry }) => entry)));
    return conflicts;
  }

  #write(entries: readonly Entry[], asOne: boolean): ReturnType<typeof writeBatch> {
    return writeBatch(this.#db, this.#vault, entries, { asOne, caller: this.#options.caller });
  }

  async #warn(entries: readonly Entry[], conflicting: ReadonlySet<Entry>): Promise<void> {
    const clients = entries.filter((one) => one.section === "clients" && !conflicting.has(one)).map(({ key }) => key);
    const secretless = clients.length === 0 ? [] : await clientsWithoutSecret(this.#db, clients);
    this.#warnings.add(entries, new Set(secretless));
    await this.#undeclared.add(entries);
    this.#hasScopes ||= entries.some(({ section }) => section === "scopes");
  }

  #reportProgress(): void {
    if (this.#seen < this.#due) return;
    this.#due = this.#seen + PROGRESS;
    const of = this.#total === undefined ? "" : ` of ${this.#total}`;
    const left = this.#refused.length === 0 ? "" : `, ${this.#refused.length} refused`;
    this.#options.report?.(`${this.#seen}${of} entries, ${this.#written} written${left}`);
  }
}
