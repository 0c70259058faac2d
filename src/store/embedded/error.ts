import { OperatorError } from "../../errors/operator-error.js";

/** What the operator is told when the embedded PostgreSQL cannot be used: one line, never a password. */
export class EmbeddedPostgresError extends OperatorError {
  override readonly name: string = "EmbeddedPostgresError";

  constructor(message: string, options?: ErrorOptions) {
    super(message.replace(/\s*\n\s*/g, " ").trim(), options);
  }
}

/** A living server holds this data folder. Its own class, because a supervisor goes on trying where a start gives up. */
export class OwnedElsewhereError extends EmbeddedPostgresError {}

/** The `code` of a system error (`ENOENT`) or of a database error (`28P01`). */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * PostgreSQL says that it is being stopped, crashed, or is not up yet (57P01 to 57P03), just before the connection ends;
 * or the connection has ended, and node-postgres says so.
 */
export function isShutdown(error: unknown): boolean {
  return /^57P0[123]$/.test(codeOf(error) ?? "") || /not queryable|Connection terminated/.test(messageOf(error));
}
