/**
 * An error that only the operator can correct: in a setting, a file, a folder or a database. Its message is one clear
 * line without secrets, and it ends the process or the command.
 */
export class OperatorError extends Error {}

/** The error of a command that was completed in part. */
export class UnfinishedError extends OperatorError {
  /** The completed part. */
  readonly result: object;
  /** The completed part as printed on standard output. */
  printed = "";

  constructor(message: string, result: object) {
    super(message);
    this.result = result;
  }
}
