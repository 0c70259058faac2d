import { looksLikeHash } from "../accounts/imported-hash/encodings.js";
import { OperatorError } from "../errors/operator-error.js";
import type { BareContext, CommandContext } from "./command.js";

/** The single argument of a command. @throws OperatorError if it is missing, or if there are several */
export function onlyWord({ words }: Pick<BareContext, "words">, what: string): string {
  const [word, ...more] = words;
  if (word === undefined) throw new OperatorError(`missing argument: ${what}`);
  if (more.length > 0) throw new OperatorError(`expected exactly one ${what}`);
  return word;
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A duration such as `90s`, `15m`, `24h` or `7d`, in seconds. */
export function readDuration(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const factor = UNITS[unit ?? ""];
  if (factor === undefined) throw new OperatorError(`"${text}" is not a duration: write 90s, 15m, 24h or 7d`);
  return Number(amount) * factor;
}

/**
 * A secret for a user or a client: from standard input if `flag` is set, otherwise a new one that is shown once. It never
 * comes from the command line, which every process on the machine can read.
 */
export async function takeSecret(
  { flags, stdin, core }: CommandContext,
  flag: string,
  bytes: number,
): Promise<{ readonly secret: string; readonly shown: boolean }> {
  if (flags[flag] !== true) return { secret: core.random(bytes).toString("base64url"), shown: true };
  const secret = (await stdin()).replace(/\r?\n$/, "");
  if (secret === "") throw new OperatorError("standard input is empty");
  if (looksLikeHash(secret)) throw new OperatorError("standard input holds a hash; `jeton apply` takes hashes");
  return { secret, shown: false };
}
