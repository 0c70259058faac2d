import { OperatorError } from "../errors/operator-error.js";

/** The log is not as it was written. The message names the first record that is not, in one line. */
export class LogFault extends OperatorError {}
