/** Why a command refused, for a door that has a status for it. */
export type OperatorErrorKind = "refused" | "invalid" | "forbidden" | "not_found" | "conflict" | "changed";

/**
 * An error that only the operator can correct: in a setting, a file, a folder or a database. Its message is one clear
 * line without secrets, and it ends the process or the command.
 */
export class OperatorError extends Error {
  readonly kind: OperatorErrorKind;

  constructor(message: string, kind: OperatorErrorKind = "refused", options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The error of a member of the input of a command. */
export class InputError extends OperatorError {
  readonly path: readonly PropertyKey[];
  readonly problem: string;

  /** @param path of the member; the message has it in the form of a flag */
  constructor(path: readonly PropertyKey[], problem: string) {
    const flag = path.map(String).join(".").replaceAll("_", "-");
    super(flag === "" ? problem : `${flag}: ${problem}`, "invalid");
    this.path = path;
    this.problem = problem;
  }
}

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
