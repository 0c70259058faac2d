import { z } from "zod";
import { profileFlaw, REPLACED_DEFAULTS } from "../clients/fapi2.js";
import { REPLACED_BY_SUBJECT_TYPE, subjectFlaw } from "../clients/subject.js";
import { InputError, OperatorError } from "../errors/operator-error.js";
import { text } from "./fields.js";
import { SECTIONS, type ProvisionedClient, type ProvisionedUser } from "./schema.js";

/** Entries from the input of a command. Names and rules are those of the provisioning file. */

/** The members of an entry as settings of a command: each may be absent, and an absent one has no default. */
type Settings<Shape extends Readonly<Record<string, z.ZodType>>> = {
  [Name in keyof Shape]: z.ZodOptional<
    Shape[Name] extends z.ZodDefault<infer T> | z.ZodOptional<infer T> ? T : Shape[Name]
  >;
};

function settingsOf<Shape extends Readonly<Record<string, z.ZodType>>>(shape: Shape): Settings<Shape> {
  const settings = Object.entries(shape).map(([name, schema]) => {
    const isWrapped = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional;
    return [name, (isWrapped ? (schema.unwrap() as z.ZodType) : schema).optional()];
  });
  return Object.fromEntries(settings) as Settings<Shape>;
}

const {
  client_id: _id,
  client_secret: _s,
  client_secrets: _m,
  client_secret_hash: _h,
  ...CLIENT_SHAPE
} = SECTIONS.clients.entry.shape;
const {
  sub: _sub,
  password: _p,
  password_hash: _ph,
  preferred_username: _name,
  ...USER_SHAPE
} = SECTIONS.users.entry.shape;

/** The settings of a client: everything but its id and its secrets. */
export const CLIENT_SETTINGS = settingsOf(CLIENT_SHAPE);

/** The settings of a user: everything but their sub, login name and password. */
export const USER_SETTINGS = { ...settingsOf(USER_SHAPE), name: text.optional() };

type ClientSettings = z.output<z.ZodObject<typeof CLIENT_SETTINGS>>;
/** Settings of a user; an absent one stays as it is, or has its default. */
export type UserSettings = z.output<z.ZodObject<typeof USER_SETTINGS>>;

/** Makes a client entry. @throws InputError naming the faulty setting */
export function readClientEntry(
  client_id: string,
  settings: ClientSettings,
  client_secret?: string,
): ProvisionedClient {
  return checkClient({ client_id, ...given(settings), ...(client_secret === undefined ? {} : { client_secret }) });
}

/** Makes a user entry. @throws InputError naming the faulty setting */
export function readUserEntry(
  names: { readonly sub: string; readonly preferred_username: string },
  settings: UserSettings,
  password: string,
): ProvisionedUser {
  return check(SECTIONS.users.entry, { ...names, password, ...given(settings) });
}

/** Checks the whole entry of a user. @throws InputError naming the faulty setting */
export function checkUser(entry: Readonly<Record<string, unknown>>): ProvisionedUser {
  return check(SECTIONS.users.entry, entry);
}

/** The settings that are present, as a file would have them. */
export function given(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const present = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    present.map(([name, value]) => [name, name === "scope" ? (value as readonly string[]).join(" ") : value]),
  );
}

/** The present settings of a client. Its columns have the names of the schema. */
type StoredClient = Readonly<Record<string, unknown>> & {
  readonly client_id: string;
  readonly scope: readonly string[];
};

/**
 * Applies settings to a client: returns the whole entry, and the changed settings alone as columns.
 * @param unset names of settings that are reset to their default, with dashes or underscores
 * @throws OperatorError naming the faulty setting
 */
export function readChangedClient(
  client: StoredClient,
  settings: ClientSettings,
  unset: readonly string[],
): { readonly entry: ProvisionedClient; readonly changed: Readonly<Record<string, unknown>> } {
  const set = given(settings);
  const names = unset.map((flag) => {
    const name = flag.replaceAll("-", "_");
    if (!Object.hasOwn(CLIENT_SETTINGS, name)) throw new InputError(["unset"], `there is no setting ${flag}`);
    if (name in set) throw new InputError(["unset"], `${flag} is given as well`);
    return name;
  });
  const changing = [...Object.keys(set), ...names];
  if (changing.length === 0) throw new OperatorError("name a setting: --scope S, or --unset scope", "invalid");
  const kept = ["client_id", ...Object.keys(CLIENT_SHAPE)].filter(
    (name) => !changing.includes(name) && (client[name] ?? null) !== null,
  );
  // A stored default contradicts no other setting: only the operator's word does.
  const said = (name: string) => !REPLACED_DEFAULTS.includes(name) && !REPLACED_BY_SUBJECT_TYPE.includes(name);
  const stored = Object.fromEntries(
    kept.map((name) => [name, name === "scope" ? client.scope.join(" ") : client[name]]),
  );
  const entry = checkClient({ ...stored, ...set }, { ...pick(stored, said), ...set });
  const values = entry as Readonly<Record<string, unknown>>;
  return { entry, changed: Object.fromEntries(changing.map((name) => [name, values[name] ?? null])) };
}

/** @param said the settings that count against a profile and against pairwise subjects */
function checkClient(entry: Readonly<Record<string, unknown>>, said = entry): ProvisionedClient {
  const checked = check(SECTIONS.clients.entry, entry);
  const flaw = profileFlaw(said) ?? subjectFlaw(said);
  if (flaw !== undefined) throw new InputError([flaw.name], flaw.message);
  return checked;
}

function pick(entry: Readonly<Record<string, unknown>>, isPicked: (name: string) => boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => isPicked(name)));
}

function check<T extends z.ZodType>(schema: T, entry: unknown): z.output<T> {
  const result = schema.safeParse(entry);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new InputError(issue.path, issue.message);
}
