import { z } from "zod";
import { profileFlaw, REPLACED_DEFAULTS } from "../clients/fapi2.js";
import { REPLACED_BY_SUBJECT_TYPE, subjectFlaw } from "../clients/subject.js";
import { OperatorError } from "../errors/operator-error.js";
import { SECTIONS, type ProvisionedClient, type ProvisionedUser } from "./schema.js";

/**
 * Entries from the flags of a command. Names and rules are those of the provisioning file, with dashes for underscores.
 */

type FlagKind = "text" | "list" | "switch";
type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Keys that are no flags: ids and secrets. */
const NOT_FLAGS = new Set([
  ...["client_id", "client_secret", "client_secrets", "client_secret_hash"],
  ...["sub", "password", "password_hash"],
]);

/** The flags for an entry of a section, derived from its schema. */
function flagsOf(shape: Readonly<Record<string, z.ZodType>>): Readonly<Record<string, FlagKind>> {
  return Object.fromEntries(
    Object.entries(shape)
      .filter(([name]) => !NOT_FLAGS.has(name))
      .map(([name, schema]) => [name.replaceAll("_", "-"), flagKind(schema)]),
  );
}

function flagKind(schema: z.ZodType): FlagKind {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return "list";
  return inner instanceof z.ZodBoolean ? "switch" : "text";
}

/** The placeholder for the value of each flag: the allowed words, or the kind of value. */
function valuesOf(shape: Readonly<Record<string, z.ZodType>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(shape).map(([name, schema]) => [name.replaceAll("_", "-"), valueOf(schema)]),
  );
}

function valueOf(schema: z.ZodType): string {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) return valueOf(inner.element as z.ZodType);
  if (inner instanceof z.ZodEnum) return inner.options.join("|");
  if (inner instanceof z.ZodLiteral) return [...inner.values].join("|");
  if (inner instanceof z.ZodObject) return "JSON";
  return inner instanceof z.ZodNumber ? "NUMBER" : "TEXT";
}

/** The schema of a value, without its optional and default wrappers. */
export function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional
    ? unwrap(schema.unwrap() as z.ZodType)
    : schema;
}

const CLIENT_SHAPE = SECTIONS.clients.entry.shape;
const USER_SHAPE = SECTIONS.users.entry.shape;

export const CLIENT_KEYS = flagsOf(CLIENT_SHAPE);
export const CLIENT_VALUES = valuesOf(CLIENT_SHAPE);
export const USER_VALUES = valuesOf(USER_SHAPE);
export const USER_KEYS = { ...flagsOf(USER_SHAPE), name: "text" as const };

/** Makes a client entry from flags. @throws OperatorError naming the faulty flag */
export function readClientEntry(client_id: string, flags: Flags, client_secret?: string): ProvisionedClient {
  const entry = {
    client_id,
    ...fromFlags(CLIENT_SHAPE, flags),
    ...(client_secret === undefined ? {} : { client_secret }),
  };
  return checkClient(entry);
}

/** Makes a user entry from flags. @throws OperatorError naming the faulty flag */
export function readUserEntry(sub: string, flags: Flags, password: string): ProvisionedUser {
  return check(SECTIONS.users.entry, { sub, password, ...fromFlags(USER_SHAPE, flags) });
}

/** The present settings of a client. Its columns have the names of the schema. */
type StoredClient = Readonly<Record<string, unknown>> & {
  readonly client_id: string;
  readonly scope: readonly string[];
};

/**
 * Applies flags to a client: returns the whole entry, and the changed settings alone as columns.
 * @param unset names of settings that are reset to their default, in the form of flags
 * @throws OperatorError naming the faulty flag
 */
export function readChangedClient(
  client: StoredClient,
  flags: Flags,
  unset: readonly string[],
): { readonly entry: ProvisionedClient; readonly changed: Readonly<Record<string, unknown>> } {
  const given = fromFlags(CLIENT_SHAPE, flags);
  const names = unset.map((flag) => {
    const name = flag.replaceAll("-", "_");
    if (!(flag in CLIENT_KEYS)) throw new OperatorError(`unset: there is no setting ${flag}`);
    if (name in given) throw new OperatorError(`unset: ${flag} is given as well`);
    return name;
  });
  const changing = [...Object.keys(given), ...names];
  if (changing.length === 0) throw new OperatorError("name a setting: --scope S, or --unset scope");
  const kept = Object.keys(CLIENT_SHAPE).filter((name) => !changing.includes(name) && (client[name] ?? null) !== null);
  // A stored default contradicts no other setting: only the operator's word does.
  const said = (name: string) => !REPLACED_DEFAULTS.includes(name) && !REPLACED_BY_SUBJECT_TYPE.includes(name);
  const stored = Object.fromEntries(
    kept.map((name) => [name, name === "scope" ? client.scope.join(" ") : client[name]]),
  );
  const entry = checkClient({ ...stored, ...given }, { ...pick(stored, said), ...given });
  const values = entry as Readonly<Record<string, unknown>>;
  return { entry, changed: Object.fromEntries(changing.map((name) => [name, values[name] ?? null])) };
}

function fromFlags(shape: Readonly<Record<string, z.ZodType>>, flags: Flags): Record<string, unknown> {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([flag, value]) => {
      const name = flag.replaceAll("-", "_");
      const schema = Object.hasOwn(shape, name) ? shape[name] : undefined;
      return [name, schema === undefined ? value : readFlag(flag, unwrap(schema), value)];
    }),
  );
}

function readFlag(flag: string, schema: z.ZodType, value: Flags[string]): unknown {
  if (schema instanceof z.ZodNumber) return Number(value);
  const inner = schema instanceof z.ZodArray ? (schema.element as z.ZodType) : schema;
  if (!(inner instanceof z.ZodObject)) return value;
  return Array.isArray(value) ? value.map((one) => readJson(flag, one)) : readJson(flag, value);
}

function readJson(flag: string, value: unknown): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    throw new OperatorError(`${flag}: is not JSON`);
  }
}

/** @param said the settings that count against a profile and against pairwise subjects */
function checkClient(entry: Readonly<Record<string, unknown>>, said = entry): ProvisionedClient {
  const checked = check(SECTIONS.clients.entry, entry);
  const flaw = profileFlaw(said) ?? subjectFlaw(said);
  if (flaw !== undefined) throw new OperatorError(`${flaw.name.replaceAll("_", "-")}: ${flaw.message}`);
  return checked;
}

function pick(entry: Readonly<Record<string, unknown>>, isPicked: (name: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => isPicked(name)));
}

function check<T extends z.ZodType>(schema: T, entry: unknown): z.output<T> {
  const result = schema.safeParse(entry);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new OperatorError(`${issue.path.join(".").replaceAll("_", "-")}: ${issue.message}`);
}
