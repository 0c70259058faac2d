import type { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { placeOfPrototype } from "./json-value.js";
import { provisioningFile, SECTIONS, type ProvisioningFile, type Section } from "./schema.js";

/** A file that is refused: one line that names the path in the file, and never a value in it. */
export class ProvisioningError extends OperatorError {
  constructor(message: string) {
    // Keys and ids of the file stand in it, whatever they are made of.
    super(message.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "\ufffd"));
  }
}

/** One entry as it was read, and as it stood in the file. */
export interface Entry<S extends Section = Section> {
  readonly section: S;
  readonly path: string;
  readonly key: string;
  readonly value: ProvisioningFile[S][number];
  readonly raw: unknown;
}

/**
 * Reads a provisioning file whole.
 * @throws ProvisioningError for the first thing that is wrong with it
 */
export function readProvisioningFile(text: string): readonly Entry[] {
  const raw = parse(text);
  const result = provisioningFile.safeParse(raw);
  if (!result.success) throw new ProvisioningError(describe(result.error.issues[0]!));
  return (Object.keys(SECTIONS) as Section[]).flatMap((section) => {
    const key = SECTIONS[section].key as (value: ProvisioningFile[Section][number]) => string;
    return result.data[section].map((value, index) => ({
      section,
      path: `${section}[${index}]`,
      key: key(value),
      value,
      raw: (raw as Record<string, unknown[]>)[section]?.[index],
    }));
  });
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    const place = placeOfPrototype(value);
    if (place !== undefined) throw new ProvisioningError(`${written(place)}: there is no such key`);
    return value;
  } catch (error) {
    if (error instanceof ProvisioningError) throw error;
    // The parser calls itself for each level.
    if (error instanceof RangeError) throw new ProvisioningError("the file: is nested too deeply");
    // The parser's own message quotes the text around the fault, which may be a secret.
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    throw new ProvisioningError(`it is not JSON${position === undefined ? "" : ` (${place(text, Number(position))})`}`);
  }
}

function place(text: string, position: number): string {
  const before = text.slice(0, position).split("\n");
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

function describe(issue: z.core.$ZodIssue): string {
  const path = written(issue.path);
  if (issue.code === "unrecognized_keys") {
    return `${path}${path && "."}${issue.keys[0]}: there is no such key`;
  }
  return `${path || "the file"}: ${issue.message}`;
}

/** A place in the file: `clients[2].grant_types[0]`. */
function written(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (before, part) => (typeof part === "number" ? `${before}[${part}]` : `${before}${before && "."}${String(part)}`),
    "",
  );
}
