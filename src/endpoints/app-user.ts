import { actingFor } from "../store/audit-actor.js";
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { passwordProblem, MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import { chosenNameProblem, identifiersOf, isEmail, normaliseIdentifier } from "../accounts/identifiers.js";
import { isPhoneNumber, readLocalPhoneNumber, readPhoneNumber } from "../accounts/phone-number.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { findPerson } from "../store/people.js";
import { registerUser as addPerson, type Person } from "../store/users.js";
import { authenticateApp } from "./app.js";
import { identifyCaller } from "./app-caller.js";
import { issueAppToken, type AppToken } from "./app-token.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    appUser: AppUser;
    registerUser: NewPerson;
  }
}

/** A user as an application sees it. */
interface AppUser {
  readonly person: Person;
  readonly app_id: string;
}

/** The user that a registration created, and a token if the request asked for one. */
interface NewPerson {
  readonly sub: string;
  readonly preferred_username: string;
  readonly token: AppToken | undefined;
}

/** The endpoints of applications (Kii Cloud) that describe a user and register one. */
export const appUserEndpoints: FastifyPluginAsync = async (app) => {
  app.operations.offer("appUser", { guard: null, run: showUser });
  app.operations.offer("registerUser", { guard: null, run: registerUser });
};

/** The user of the access token. An administrator may look up others, if the application has this right. */
async function showUser(request: OperationRequest, core: Core): Promise<AppUser> {
  const { path } = request;
  const caller = await identifyCaller(request, core);
  const { app_id } = caller;
  if (caller.kind === "thing") throw new Refusal("access_token_not_a_persons");
  if (caller.kind === "user") {
    if (path.userID !== undefined && path.userID !== caller.person.sub) throw new Refusal("app_user_foreign");
    return { person: caller.person, app_id };
  }
  if (path.userID === undefined) throw new Refusal("access_token_not_a_persons");
  if (!caller.app.user_lookup) throw new Refusal("app_user_foreign");
  const person = await lookUp(path.userID, core);
  if (person === undefined) throw new Refusal("app_user_unknown");
  return { person, app_id };
}

/** A user by id, or by a name behind its kind: `LOGIN_NAME:`, `EMAIL:` or `PHONE:`. */
function lookUp(userID: string, { db }: Core): Promise<Person | undefined> {
  const [, kind, name = ""] = /^(LOGIN_NAME|EMAIL|PHONE):(.*)$/s.exec(userID) ?? [];
  if (kind === undefined) return findPerson(db, "sub", userID);
  const [, country, local = name] = /^([A-Z]{2})-(.+)$/s.exec(name) ?? [];
  const phone = country === undefined ? readPhoneNumber(local) : readLocalPhoneNumber(local, country);
  return findPerson(db, "identifier", normaliseIdentifier(kind === "PHONE" ? (phone ?? name) : name));
}

const claim = z.string().max(255).optional();

/** A name that a user chooses. */
export const chosenName = z
  .string()
  .refine((name) => chosenNameProblem(name) === undefined)
  .transform((name) => name.trim());

/** A password that a user chooses. */
export const chosenPassword = required("password_missing")
  .max(MAX_PASSWORD_LENGTH)
  .refine((password) => passwordProblem(password) === undefined, { error: "password_too_weak" });

/** The claims that users set themselves. */
export const ownClaims = { name: claim, locale: claim, country: claim };

const registration = z
  .object({
    preferred_username: chosenName.optional(),
    password: chosenPassword.optional(),
    email: z.string().refine(isEmail).optional(),
    phone_number: z.string().max(64).refine(isPhoneNumber).transform(readPhoneNumber).optional(),
    ...ownClaims,
    fields: optional,
    wants_token: optional,
  })
  // Without a name, an address and a password it is a pseudo user, who has nothing but the token.
  .refine((one) => hasIdentity(one) || one.wants_token !== undefined, { error: "username_missing" })
  .refine((one) => !hasIdentity(one) || one.password !== undefined, { error: "password_missing" })
  .refine((one) => hasIdentity(one) || one.password === undefined, { error: "username_missing" });

interface Identity {
  readonly preferred_username?: string | undefined;
  readonly email?: string | undefined;
  readonly phone_number?: string | undefined;
}

function hasIdentity({ preferred_username, email, phone_number }: Identity): boolean {
  return [preferred_username, email, phone_number].some((one) => one !== undefined);
}

/**
 * Registers a user, if the application allows it. An email address or phone number that is not verified is stored, but no
 * user can log in with it. A user without a login name has the `sub` in its place.
 */
async function registerUser(request: OperationRequest, core: Core): Promise<NewPerson> {
  const { parameters, spelling, network, facts } = request;
  const asked = readParameters(registration, parameters, spelling.members);
  const { preferred_username, password, email, phone_number, fields, wants_token, ...claims } = asked;
  const app = await authenticateApp(core, request);
  if (!app.user_registration) throw new Refusal("registration_not_allowed");
  await core.rateLimits.consumeOrThrow({ on: "registrations of a network", id: network });

  const sub = core.random(16).toString("hex");
  const own = fields === undefined ? {} : { app_fields: { [app.app_id]: JSON.parse(fields) as object } };
  const user = {
    sub,
    preferred_username: preferred_username ?? sub,
    password_hash: password === undefined ? null : await core.passwords.hashQueued(network, password, core.caller),
    email: email ?? null,
    phone_number: phone_number ?? null,
    roles: [],
    claims: { ...claims, ...own },
    disabled: false,
  };
  const identifiers = preferred_username === undefined ? [] : identifiersOf(user);
  if (!(await addPerson(actingFor(core.db, { kind: "person", id: sub, ip: network }), user, identifiers)))
    throw new Refusal("user_exists");
  facts.sub = sub;
  const token = wants_token === undefined ? undefined : await issueAppToken(app, sub, request, core);
  return { sub, preferred_username: user.preferred_username, token };
}
