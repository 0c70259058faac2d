import { OperatorError } from "../errors/operator-error.js";

/** Tells the operator in one line why the embedded PostgreSQL cannot be used. Never holds a password. */
export class EmbeddedPostgresError extends OperatorError {
  override readonly name: string = "EmbeddedPostgresError";

  constructor(message: string, options?: ErrorOptions) {
    super(message.replace(/\s*\n\s*/g, " ").trim(), "refused", options);
  }
}

/** A living server owns this data folder. A start gives up on this error, while a supervisor keeps retrying. */
export class OwnedElsewhereError extends EmbeddedPostgresError {}
