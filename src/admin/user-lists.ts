import { z } from "zod";
import { normaliseIdentifier } from "../accounts/identifiers.js";
import { OperatorError } from "../errors/operator-error.js";
import { listUsers, listUsersByPrefix, showUser, type ListedUser } from "../store/user-lists.js";
import { findSubs } from "../store/users.js";
import { name, USER } from "./arguments.js";
import { command, type CommandContext, type PagedContext } from "./command.js";
import { PAGING } from "./page.js";
import { onePerson } from "./people.js";

const FILTERS = z.strictObject({
  identifier: name.optional().meta({ description: "the sub, login name, verified email or phone number" }),
  login_prefix: name.optional().meta({ description: "the beginning of the login name" }),
  disabled: z.boolean().optional().meta({ description: "only disabled users, or only enabled ones" }),
  role: name.optional().meta({ description: "only users with this role" }),
  ...PAGING,
});
const ONE = z.strictObject(USER);

type Filters = z.output<typeof FILTERS>;

async function list(context: PagedContext<Filters>) {
  const { core, input, after } = context;
  const { identifier, login_prefix, limit, disabled, role } = input;
  if (identifier !== undefined) return named(context, identifier);
  const [name, sub] = (after ?? []) as readonly string[];
  const from = { limit, after: name === undefined ? undefined : { name, sub: sub! } };
  const filter = { disabled, role };
  const { items, last } =
    login_prefix === undefined
      ? await listUsers(core.db, filter, from)
      : await listUsersByPrefix(core.db, normaliseIdentifier(login_prefix), filter, from);
  return { items: items.map(listed), next: last && [last.name, last.sub] };
}

/** The users that an identifier names: one, or two if it is the sub of one and the login name of another. */
async function named({ core: { db }, input }: CommandContext<Filters>, identifier: string) {
  const subs = await findSubs(db, identifier, normaliseIdentifier(identifier));
  const users = await Promise.all(subs.map((sub) => showUser(db, sub)));
  const { disabled, role } = input;
  const fits = (user: ListedUser) =>
    (disabled === undefined || user.disabled === disabled) && (role === undefined || user.roles.includes(role));
  return { items: users.flatMap((user) => (user !== undefined && fits(user) ? listed(user) : [])) };
}

/** A user in a list. */
function listed({ sub, preferred_username, email, phone_number, roles, disabled }: ListedUser) {
  return {
    ...{ sub, preferred_username },
    ...(email === null ? {} : { email }),
    ...(phone_number === null ? {} : { phone_number }),
    ...{ roles, disabled },
  };
}

async function existing({ core, input }: CommandContext<z.output<typeof ONE>>) {
  const sub = await onePerson(core, input.user);
  const user = await showUser(core.db, sub);
  if (user === undefined) throw new OperatorError(`there is no user ${sub}`, "not_found");
  return user;
}

const IDENTIFIER = z.object({ kind: z.enum(["login", "email", "phone"]), value: z.string() });

export const USER_LIST = command({
  name: "user list",
  does: "lists users by login name; finds one by an identifier, or several by the beginning of the login name",
  access: "read",
  effect: "reads",
  input: FILTERS,
  output: z.object({
    sub: z.string(),
    preferred_username: z.string(),
    email: z.string().optional(),
    phone_number: z.string().optional(),
    roles: z.array(z.string()).readonly(),
    disabled: z.boolean(),
  }),
  paged: true,
  run: list,
});

export const USER_SHOW = command({
  name: "user show",
  does: "shows one user with claims and identifiers, without the password",
  access: "read",
  effect: "reads",
  subject: "user",
  input: ONE,
  output: z.object({
    sub: z.string(),
    preferred_username: z.string(),
    email: z.string().nullable(),
    email_verified: z.boolean(),
    phone_number: z.string().nullable(),
    phone_number_verified: z.boolean(),
    roles: z.array(z.string()).readonly(),
    claims: z.record(z.string(), z.unknown()),
    disabled: z.boolean(),
    has_password: z.boolean(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    identifiers: z.array(IDENTIFIER).readonly(),
    app_id: z.string().nullable(),
    vendor_thing_id: z.string().nullable(),
  }),
  run: existing,
});

export const USER_IDENTIFIERS = command({
  name: "user identifiers",
  does: "lists what a user can log in with: the login name, and verified addresses",
  access: "read",
  effect: "reads",
  subject: "user",
  input: ONE,
  output: z.array(IDENTIFIER).readonly(),
  run: async (context) => (await existing(context)).identifiers,
});
