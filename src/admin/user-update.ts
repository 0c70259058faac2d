import { z } from "zod";
import { identifiersOf } from "../accounts/identifiers.js";
import { OperatorError } from "../errors/operator-error.js";
import { readChangedUser } from "../provisioning/changed-user.js";
import { USER_SETTINGS } from "../provisioning/entries.js";
import { text } from "../provisioning/fields.js";
import { json } from "../provisioning/json-value.js";
import { isSame, storedEntry } from "../provisioning/stored-entry.js";
import { userColumns } from "../provisioning/write.js";
import { isConflict } from "../store/failure.js";
import type { Transaction } from "../store/open.js";
import type { ShownUser } from "../store/user-lists.js";
import { updateUser, type UserColumns } from "../store/user-update.js";
import type { Identifier } from "../store/users.js";
import { SETTINGS_NOTE, USER, WARNINGS, withWarnings } from "./arguments.js";
import { command, type CommandContext } from "./command.js";
import { markGrantsEnded } from "./ending.js";
import { refuseBeyond } from "./escalation.js";
import { lockedUser } from "./locked.js";
import { onePerson } from "./people.js";

const UPDATED = z.strictObject({
  ...USER,
  preferred_username: text.max(255).optional().meta({ description: "another login name" }),
  ...USER_SETTINGS,
  claims: z
    .record(z.string(), json)
    .optional()
    .meta({ description: "further claims by their names; null removes one" }),
  unset: z.array(z.string().max(255)).default([]).meta({ description: "settings and claims that are removed" }),
});

type Context = CommandContext<z.output<typeof UPDATED>>;

/** A user before and after a change, and the identifiers that are theirs no more. */
interface Changed {
  readonly before: ShownUser;
  readonly after: UserColumns;
  readonly released: readonly string[];
}

/** Changes settings of a user under the lock of the row, so that two changes at once do not undo each other. */
async function update(context: Context) {
  const { core, input, change } = context;
  const sub = await onePerson(core, input.user);
  const { before, after, released } = await change((tx) => changeLocked(tx, sub, context)).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
    throw new OperatorError("the login name, email or phone number is in use", "conflict");
  });
  // A code that was sent to an address before must not open the account of its next owner.
  for (const value of released) await core.codes.forget(value);
  const { warnings } = after.disabled && !before.disabled ? await markGrantsEnded(context, { sub }, sub) : {};
  return { ...differences(before, after), sub, ...withWarnings(warnings) };
}

async function changeLocked(
  tx: Transaction,
  sub: string,
  context: Pick<Context, "input" | "expect" | "powers">,
): Promise<Changed> {
  const { user: _user, unset, ...settings } = context.input;
  const before = await lockedUser(tx, sub, context);
  if (before.vendor_thing_id !== null) {
    throw new OperatorError(`${sub} is a thing: change its entry in the provisioning file`, "conflict");
  }
  const after = userColumns(readChangedUser(columnsOf(before), settings, unset));
  refuseBeyond(context.powers, after.roles, sub);
  const identifiers = newIdentifiers(before, after);
  await updateUser(tx, after, identifiers);
  const kept = new Set((identifiers ?? before.identifiers).map(({ value }) => value));
  return { before, after, released: before.identifiers.map(({ value }) => value).filter((one) => !kept.has(one)) };
}

function columnsOf({ sub, preferred_username, email, email_verified, ...user }: ShownUser): UserColumns {
  const { phone_number, phone_number_verified, roles, claims, disabled } = user;
  const addresses = { email, email_verified, phone_number, phone_number_verified };
  return { sub, preferred_username, ...addresses, roles, claims, disabled };
}

/** The identifiers of a changed user; undefined if they stay the same. A user without a login name keeps being without one. */
function newIdentifiers(before: ShownUser, after: UserColumns): readonly Identifier[] | undefined {
  const hasName = before.identifiers.some(({ kind }) => kind === "login");
  const isNamed = hasName || before.preferred_username !== after.preferred_username;
  const wanted = identifiersOf(after).filter(({ kind }) => kind !== "login" || isNamed);
  const isKept = ({ kind, value }: Identifier) =>
    before.identifiers.some((one) => one.kind === kind && one.value === value);
  return wanted.length === before.identifiers.length && wanted.every(isKept) ? undefined : wanted;
}

/** The settings that are different, with their new values; null where one is removed. */
function differences(before: ShownUser, after: UserColumns): Readonly<Record<string, unknown>> {
  const [old, now] = [storedEntry("users", columnsOf(before)), storedEntry("users", after)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const changed = names.filter((name) => !isSame(old[name] ?? null, now[name] ?? null));
  return Object.fromEntries(changed.map((name) => [name, now[name] ?? null]));
}

export const USER_UPDATE = command({
  name: "user update",
  does: "changes the named settings; the others and the password stay; a new address is unverified unless a flag says so",
  access: "users",
  effect: "changes",
  expects: true,
  subject: "user",
  input: UPDATED,
  output: z.looseObject({ sub: z.string(), ...WARNINGS }),
  terms: {
    takes: "USER [--email E] [--email-verified] [--roles R]… [--disabled] [--claims JSON] [--unset NAME]…",
    values: { unset: "NAME" },
    note: SETTINGS_NOTE,
  },
  run: update,
});
