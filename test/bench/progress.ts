import type { Candidate } from "./candidates.js";
import type { Operation } from "./operations.js";
import type { Options } from "./options.js";

/** One line on standard error that says how far a benchmark is: rewritten on a terminal, else written for each operation. */
export class Progress {
  readonly #rounds: number;
  readonly #steps: number;
  #step = 0;
  #told: Operation | undefined;

  constructor({ operations, candidates, rounds }: Pick<Options, "operations" | "candidates" | "rounds">) {
    this.#rounds = rounds;
    const able = (name: Operation["name"]) => candidates.filter((one) => one.operations.includes(name)).length;
    this.#steps = operations.reduce((sum, { name }) => sum + able(name) * (rounds + 1), 0);
  }

  /** @param round counted from 1; 0 is the warm-up */
  tell(operation: Operation, candidate: Candidate, round: number): void {
    const percent = `${Math.floor((100 * this.#step) / this.#steps)} %`;
    this.#step += 1;
    if (process.stderr.isTTY) {
      const what = round === 0 ? "warm-up" : `round ${round} of ${this.#rounds}`;
      process.stderr.write(`\r\x1b[K${percent}: ${operation.title}, ${what}, ${candidate.title}`);
    } else if (this.#told !== operation) {
      process.stderr.write(`${percent}: ${operation.title}\n`);
    }
    this.#told = operation;
  }

  /** Leaves the line to what comes next. */
  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}
