import { randomUUID } from "node:crypto";
import { MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import { OperatorError } from "../errors/operator-error.js";
import { readUserEntry, USER_KEYS, USER_VALUES } from "../provisioning/entries.js";
import { prepareUser } from "../provisioning/write.js";
import { isConflict } from "../store/failure.js";
import { deleteUser } from "../store/deletion.js";
import { allUsers, identifiersOfUser, setPassword, setUserDisabled } from "../store/users.js";
import { onlyWord, takeSecret } from "./arguments.js";
import type { Command, CommandContext } from "./command.js";
import { markGrantsEnded } from "./ending.js";
import { onePerson } from "./people.js";

/** The `sub` of the user that a command names by any of their names. */
async function existing(context: CommandContext): Promise<string> {
  return onePerson(context.core, onlyWord(context, "user (sub, login name, verified email or verified phone number)"));
}

async function switchTo(context: CommandContext, disabled: boolean): Promise<object> {
  const sub = await existing(context);
  await context.core.db.prisma.$transaction((tx) => setUserDisabled(tx, sub, disabled));
  const { warnings } = disabled ? await markGrantsEnded(context, { sub }, sub) : {};
  return { sub, disabled, ...(warnings === undefined ? {} : { warnings }) };
}

async function unlock(context: CommandContext): Promise<object> {
  const sub = await existing(context);
  await resetAttempts(context, sub);
  return { sub };
}

/** Resets the attempts counted for the account, and for every browser that it has logged in from before. */
function resetAttempts({ core }: CommandContext, sub: string): Promise<void> {
  return core.rateLimits.reset({ on: "account", id: sub });
}

async function add(context: CommandContext): Promise<object> {
  const { core } = context;
  const preferred_username = onlyWord(context, "login name");
  const { "password-stdin": _stdin, "user-id": id, ...claims } = context.flags;
  const sub = typeof id === "string" ? id : randomUUID();
  const { secret, shown } = await takeSecret(context, "password-stdin", 15);
  const entry = readUserEntry(sub, { ...claims, "preferred-username": preferred_username }, secret);
  const write = await prepareUser(core.passwords, entry);
  await core.db.prisma
    .$transaction((tx) => write(tx))
    .catch((error: unknown) => {
      if (isConflict(error)) throw new OperatorError("the sub, login name, email or phone number is in use");
      throw error;
    });
  return { sub, preferred_username, ...(shown ? { password: secret } : {}) };
}

async function passwd(context: CommandContext): Promise<object> {
  const { core } = context;
  const sub = await existing(context);
  const { secret, shown } = await takeSecret(context, "password-stdin", 15);
  if (secret.length > MAX_PASSWORD_LENGTH)
    throw new OperatorError(`a password has at most ${MAX_PASSWORD_LENGTH} characters`);
  const hash = await core.passwords.hash(secret);
  await core.db.prisma.$transaction((tx) => setPassword(tx, sub, hash));
  await resetAttempts(context, sub);
  const { warnings } = await markGrantsEnded(context, { sub }, sub);
  return { sub, ...(shown ? { password: secret } : {}), ...(warnings === undefined ? {} : { warnings }) };
}

async function remove(context: CommandContext): Promise<object> {
  const { core } = context;
  const sub = await existing(context);
  const identifiers = await identifiersOfUser(core.db, sub);
  if (!(await deleteUser(core.db, sub))) throw new OperatorError(`there is no user ${sub}`);
  for (const { value } of identifiers) await core.codes.forget(value);
  await resetAttempts(context, sub);
  return { sub, deleted: true };
}

export const USER_COMMANDS: readonly Command[] = [
  {
    name: "user list",
    takes: "",
    does: "lists all users",
    run: async ({ core }) =>
      (await allUsers(core.db)).map(({ sub, preferred_username, email, phone_number, roles, disabled }) => ({
        sub,
        preferred_username,
        ...(email === null ? {} : { email }),
        ...(phone_number === null ? {} : { phone_number }),
        roles,
        disabled,
      })),
  },
  {
    name: "user add",
    takes: "LOGIN_NAME [--user-id SUB] [--email E] [--email-verified] [--roles R]… [--password-stdin]",
    does: "adds a user; a new password is shown once",
    flags: { ...USER_KEYS, "user-id": "text", "password-stdin": "switch" },
    values: USER_VALUES,
    run: add,
  },
  {
    name: "user disable",
    takes: "USER",
    does: "disables a user and revokes their tokens",
    run: (context) => switchTo(context, true),
  },
  { name: "user enable", takes: "USER", does: "enables a user again", run: (context) => switchTo(context, false) },
  {
    name: "user delete",
    takes: "USER",
    does: "deletes a user with consents, sessions, tokens and UMA resources; the sub is never reused",
    run: remove,
  },
  {
    name: "user unlock",
    takes: "USER",
    does: "resets the count of wrong passwords, so that the user can log in again at once",
    run: unlock,
  },
  {
    name: "user passwd",
    takes: "USER [--password-stdin]",
    does: "sets a password, or shows a new one once; revokes the user's tokens and resets the count of wrong passwords",
    flags: { "password-stdin": "switch" },
    run: passwd,
  },
];
