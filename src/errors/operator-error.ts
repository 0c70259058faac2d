/**
 * A fault that only the operator can mend: a setting, a file, a folder, a database. Its message is one clear line that
 * holds no secret; the process or the command ends with it.
 */
export class OperatorError extends Error {}

/** A command that did a part of what it was to do. */
export class UnfinishedError extends OperatorError {
  /** What it did. */
  readonly result: object;
  /** The same as it is printed on standard output. */
  printed = "";

  constructor(message: string, result: object) {
    super(message);
    this.result = result;
  }
}
