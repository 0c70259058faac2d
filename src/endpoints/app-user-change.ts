import { actingFor } from "../store/audit-actor.js";
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { identifiersOf } from "../accounts/identifiers.js";
import { MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { changeAppUser, changePassword, giveIdentity, passwordHashOf } from "../store/app-users.js";
import type { Person } from "../store/users.js";
import { identifyCaller } from "./app-caller.js";
import { chosenName, chosenPassword, ownClaims } from "./app-user.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    changeAppUser: { readonly modified_at: Date };
    changeAppPassword: undefined;
  }
}

/** The endpoints of applications (Kii Cloud) by which users change their own accounts. */
export const appUserChangeEndpoints: FastifyPluginAsync = async (app) => {
  app.operations.offer("changeAppUser", { guard: null, run: changeUser });
  app.operations.offer("changeAppPassword", { guard: null, run: changeOwnPassword });
};

const change = z.object({
  preferred_username: chosenName.optional(),
  password: chosenPassword.optional(),
  ...ownClaims,
  fields: optional,
  replaces: optional,
});

/** Changes claims and the application's fields. A pseudo user can also get a login name and a password. */
async function changeUser(request: OperationRequest, core: Core): Promise<{ readonly modified_at: Date }> {
  const asked = readParameters(change, request.parameters, request.spelling.members);
  const { preferred_username, password, fields = "{}", replaces, ...claims } = asked;
  const { person, app_id } = await identifySelf(request, core);
  if ((preferred_username === undefined) !== (password === undefined)) throw new Refusal("app_user_identity_fixed");
  if (preferred_username !== undefined && password !== undefined) {
    const password_hash = await core.passwords.hashQueued(request.network, password, core.caller);
    await giveOwnIdentity(person, { preferred_username, password_hash }, core);
  }
  const own = { app_id, claims: withoutAbsent(claims), fields: JSON.parse(fields) as Record<string, unknown> };
  const wanted = { ...own, replaces: replaces !== undefined };
  const modified_at = await changeAppUser(core.db, person.sub, wanted, core.clock.statement());
  if (modified_at === undefined) throw new Refusal("app_user_fields_too_large");
  return { modified_at };
}

async function giveOwnIdentity(
  { sub }: Person,
  user: { readonly preferred_username: string; readonly password_hash: string },
  { db }: Core,
): Promise<void> {
  if ((await passwordHashOf(db, sub)) !== null) throw new Refusal("app_user_identity_fixed");
  const [identifier] = identifiersOf(user);
  if (!(await giveIdentity(actingFor(db, { kind: "person", id: sub }), sub, user, identifier!)))
    throw new Refusal("user_exists");
}

function withoutAbsent(claims: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(claims).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** The user of the access token, who is also the one of the path. */
async function identifySelf(
  request: OperationRequest,
  core: Core,
): Promise<{ readonly person: Person; readonly app_id: string }> {
  const caller = await identifyCaller(request, core);
  if (caller.kind === "thing") throw new Refusal("access_token_not_a_persons");
  const { userID } = request.path;
  if (caller.kind === "administrator" || ![caller.person.sub, "me"].includes(userID!)) {
    throw new Refusal("app_user_foreign");
  }
  return caller;
}

const passwords = z.object({
  old_password: required("password_missing").max(MAX_PASSWORD_LENGTH),
  password: chosenPassword,
});

/** Replaces a password by another one. All tokens and sessions of the user end, also the one of this request. */
async function changeOwnPassword(request: OperationRequest, core: Core): Promise<undefined> {
  const asked = readParameters(passwords, request.parameters, request.spelling.members);
  const { person } = await identifySelf(request, core);
  const { sub } = person;
  // A stolen token must not become a way to guess the password.
  await core.rateLimits.consumeOrThrow({ on: "account", id: sub });
  const before = await passwordHashOf(core.db, sub);
  const isRight = await core.passwords.runQueued(sub, () => core.passwords.verify(before, asked.old_password, sub));
  if (before === null || !isRight) throw new Refusal("old_password_wrong");
  await core.rateLimits.reset({ on: "account", id: sub });
  const after = await core.passwords.hashQueued(sub, asked.password);
  const db = actingFor(core.db, { kind: "person", id: sub, ip: request.network });
  if (!(await changePassword(db, sub, before, after))) throw new Refusal("old_password_wrong");
}
