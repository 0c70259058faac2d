import { randomUUID } from "node:crypto";
import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { readUserEntry, USER_SETTINGS } from "../provisioning/entries.js";
import { id, password, text } from "../provisioning/fields.js";
import { prepareUser } from "../provisioning/write.js";
import { isConflict } from "../store/failure.js";
import { deleteUser } from "../store/deletion.js";
import type { Tx } from "../store/open.js";
import { identifiersOfUser, setPassword, setUserDisabled } from "../store/users.js";
import { SETTINGS_NOTE, takeSecret, USER, WARNINGS, withWarnings } from "./arguments.js";
import { command, type AnyCommand, type CommandContext } from "./command.js";
import { markGrantsEnded } from "./ending.js";
import { refuseBeyond, refuseUserBeyond } from "./escalation.js";
import { lockedUser } from "./locked.js";
import { onePerson } from "./people.js";
import { USER_IDENTIFIERS, USER_LIST, USER_SHOW } from "./user-lists.js";
import { USER_UPDATE } from "./user-update.js";

const PASSWORD = { password: password.optional().meta({ description: "password; a new one by default" }) };
const ONE = z.strictObject(USER);
const ADDED = z.strictObject({
  preferred_username: text.max(255).meta({ description: "login name" }),
  sub: id.optional().meta({ description: "sub; a random one by default" }),
  ...USER_SETTINGS,
  ...PASSWORD,
});
const NEW_PASSWORD = z.strictObject({ ...USER, ...PASSWORD });

type Context<Input extends z.ZodType = typeof ONE> = CommandContext<z.output<Input>>;

/** The `sub` of the user that a command names by any of their names. */
function existing({ core, input }: Context): Promise<string> {
  return onePerson(core, input.user);
}

async function switchTo(context: Context, disabled: boolean) {
  const sub = await existing(context);
  await context.changeByPrisma(async (tx) => {
    await lockedUser(tx, sub, context);
    await setUserDisabled(tx, sub, disabled);
  });
  const { warnings } = disabled ? await markGrantsEnded(context, { sub }, sub) : {};
  return { sub, disabled, ...withWarnings(warnings) };
}

async function unlock(context: Context) {
  const sub = await existing(context);
  await refuseUserBeyond(context.core, context.powers, sub);
  await context.change((tx) => context.core.rateLimits.forgive({ on: "account", id: sub }, tx));
  return { sub };
}

/** Resets the attempts counted for the account, and for every browser that it has logged in from before. */
function resetAttempts({ core }: Pick<Context, "core">, sub: string): Promise<void> {
  return core.rateLimits.reset({ on: "account", id: sub });
}

async function add({ core, input, powers, changeByPrisma }: Context<typeof ADDED>) {
  const { preferred_username, sub = randomUUID(), password, ...claims } = input;
  refuseBeyond(powers, claims.roles ?? [], preferred_username);
  const { secret, shown } = takeSecret(core, password, 15);
  const write = await prepareUser(core.passwords, readUserEntry({ sub, preferred_username }, claims, secret));
  await changeByPrisma(write).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
    throw new OperatorError("the sub, login name, email or phone number is in use", "conflict");
  });
  return { sub, preferred_username, ...(shown ? { password: secret } : {}) };
}

async function passwd(context: Context<typeof NEW_PASSWORD>) {
  const { core, input } = context;
  const sub = await existing(context);
  const { secret, shown } = takeSecret(core, input.password, 15);
  const hash = await core.passwords.hash(secret);
  await context.changeByPrisma(async (tx) => {
    await lockedUser(tx, sub, context);
    await setPassword(tx, sub, hash);
  });
  await resetAttempts(context, sub);
  const { warnings } = await markGrantsEnded(context, { sub }, sub);
  return { sub, ...(shown ? { password: secret } : {}), ...withWarnings(warnings) };
}

async function remove(context: Context) {
  const { core } = context;
  const sub = await existing(context);
  const identifiers = await identifiersOfUser(core.db, sub);
  const check = (tx: Tx) => lockedUser(tx, sub, context);
  if (!(await deleteUser(core.db, sub, { part: context.changeByPrisma, check })))
    throw new OperatorError(`there is no user ${sub}`, "not_found");
  for (const { value } of identifiers) await core.codes.forget(value);
  await resetAttempts(context, sub);
  return { sub, deleted: true };
}

const SWITCHED = z.object({ sub: z.string(), disabled: z.boolean(), ...WARNINGS });
const PASSWORD_STDIN = { stdin: { "password-stdin": "password" } };

export const USER_COMMANDS: readonly AnyCommand[] = [
  USER_LIST,
  USER_SHOW,
  USER_IDENTIFIERS,
  command({
    name: "user add",
    does: "adds a user; a new password is shown once",
    access: "users",
    effect: "creates",
    subject: "preferred_username",
    input: ADDED,
    output: z.object({ sub: z.string(), preferred_username: z.string(), password: z.string().optional() }),
    terms: {
      takes: "LOGIN_NAME [--user-id SUB] [--email E] [--email-verified] [--roles R]… [--password-stdin]",
      flags: { sub: "user-id" },
      note: SETTINGS_NOTE,
      ...PASSWORD_STDIN,
    },
    run: add,
  }),
  USER_UPDATE,
  command({
    name: "user disable",
    does: "disables a user and revokes their tokens",
    access: "users",
    effect: "ends",
    expects: true,
    subject: "user",
    input: ONE,
    output: SWITCHED,
    run: (context) => switchTo(context, true),
  }),
  command({
    name: "user enable",
    does: "enables a user again",
    access: "users",
    effect: "changes",
    expects: true,
    subject: "user",
    input: ONE,
    output: SWITCHED,
    run: (context) => switchTo(context, false),
  }),
  command({
    name: "user delete",
    does: "deletes a user with consents, sessions, tokens and UMA resources; the sub is never reused",
    access: "users",
    effect: "deletes",
    expects: true,
    subject: "user",
    input: ONE,
    output: z.object({ sub: z.string(), deleted: z.boolean() }),
    run: remove,
  }),
  command({
    name: "user unlock",
    does: "resets the count of wrong passwords, so that the user can log in again at once",
    access: "users",
    effect: "changes",
    subject: "user",
    input: ONE,
    output: z.object({ sub: z.string() }),
    run: unlock,
  }),
  command({
    name: "user passwd",
    does: "sets a password, or shows a new one once; revokes the user's tokens and resets the count of wrong passwords",
    access: "users",
    effect: "ends",
    expects: true,
    subject: "user",
    input: NEW_PASSWORD,
    output: z.object({ sub: z.string(), password: z.string().optional(), ...WARNINGS }),
    terms: PASSWORD_STDIN,
    run: passwd,
  }),
];
