/**
 * A fault that only the operator can mend: a setting, a file, a folder, a database. Its message is one clear line that
 * holds no secret; the process or the command ends with it.
 */
export class OperatorError extends Error {}
