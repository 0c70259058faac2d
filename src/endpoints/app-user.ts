import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { passwordProblem, MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import { identifiersOf, isEmail, chosenNameProblem } from "../accounts/identifiers.js";
import { isPhoneNumber, readPhoneNumber } from "../accounts/phone-number.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { readParameters, required } from "../http/parameters.js";
import { lookAtPerson } from "../store/access-tokens.js";
import { isThing } from "../store/apps.js";
import { registerUser as addPerson, type Person } from "../store/users.js";
import { statusQuestion } from "../tokens/access-token.js";
import { authenticateApp } from "./app.js";
import type { OperationRequest } from "./operations.js";
import { NOT_IN_FORCE, readShownToken } from "./shown-token.js";

declare module "./operations.js" {
  interface Operations {
    appUser: Person;
    registerUser: NewPerson;
  }
}

/** The user that a registration created. */
interface NewPerson {
  readonly sub: string;
  readonly preferred_username: string;
}

/** The user endpoints of applications (Kii Cloud): describe a user, and register one. */
export const appUserEndpoints: FastifyPluginAsync = async (app) => {
  app.operations.offer("appUser", { guard: null, run: showUser });
  app.operations.offer("registerUser", { guard: null, run: registerUser });
};

/** The user of an access token that was issued to this application. */
async function showUser(request: OperationRequest, core: Core): Promise<Person> {
  const { basic, bearer } = request.credentials;
  if (bearer === undefined) throw new Refusal("access_token_missing");
  const { claims: token } = await readShownToken(core, bearer, request, "token_not_valid");
  if (token.client_id !== basic?.client_id) {
    throw new Refusal("token_not_valid", { reason: "issued to another app" });
  }
  if (token.user_epoch === undefined) throw new Refusal("access_token_not_a_persons");
  const found = await lookAtPerson(core.db, statusQuestion(token), core.clock.statement());
  if (found === undefined) throw new Refusal("token_not_valid", { reason: NOT_IN_FORCE });
  request.facts.sub = token.sub;
  if (await isThing(core.db, token.sub)) throw new Refusal("access_token_not_a_persons");
  return found.person;
}

const claim = z.string().max(255).optional();

const registration = z.object({
  preferred_username: required("username_missing")
    .refine((name) => chosenNameProblem(name) === undefined)
    .transform((name) => name.trim()),
  password: required("password_missing")
    .max(MAX_PASSWORD_LENGTH)
    .refine((password) => passwordProblem(password) === undefined, { error: "password_too_weak" }),
  email: z.string().refine(isEmail).optional(),
  phone_number: z.string().max(64).refine(isPhoneNumber).transform(readPhoneNumber).optional(),
  name: claim,
  locale: claim,
  country: claim,
});

/**
 * Registers a user, if the application allows it. An email address or phone number that is not verified is stored, but no
 * user can log in with it.
 */
async function registerUser(request: OperationRequest, core: Core): Promise<NewPerson> {
  const { parameters, spelling, network, facts } = request;
  const asked = readParameters(registration, parameters, spelling.members);
  const { preferred_username, password, email, phone_number, ...claims } = asked;
  const app = await authenticateApp(core, request);
  if (!app.user_registration) throw new Refusal("registration_not_allowed");
  await core.rateLimits.consumeOrThrow({ on: "registrations of a network", id: network });

  const user = {
    sub: core.random(16).toString("hex"),
    preferred_username,
    password_hash: await core.passwords.hashQueued(network, password, core.caller),
    email: email ?? null,
    phone_number: phone_number ?? null,
    roles: [],
    claims,
    disabled: false,
  };
  if (!(await addPerson(core.db, user, identifiersOf(user)))) throw new Refusal("user_exists");
  facts.sub = user.sub;
  return user;
}
