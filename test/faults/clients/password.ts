import { PASSWORD } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { addressOf, confidential, isPublic, Login, personHistory } from "./login.js";

const CLIENTS = [isPublic("mobile"), confidential("brief"), confidential("sealed"), confidential("steady")];

/** A person logs in with a password, in either of two dialects, and stays logged in. */
export async function logInWithPassword(run: Run, random: Random): Promise<Login> {
  const person = run.persons.take();
  const identity = random.pick(CLIENTS);
  const login = new Login(run, random, personHistory("password", identity.client_id, person), identity);
  try {
    await passwordGrant(login, person);
    if (login.refreshLabel !== undefined) await login.live(5 + random.below(60));
  } finally {
    run.persons.giveBack(person);
  }
  return login;
}

/** The password grant, until there is an answer. */
export async function passwordGrant(login: Login, person: number, refusable?: string): Promise<void> {
  const { headers, form } = login.identity;
  const path = login.random.chance(0.8) ? "/oauth2/token" : "/token";
  // An ID token is signed by RSA, which costs more than everything else of an answer.
  const scope = login.random.chance(0.2) ? "openid profile api1" : "api1";
  const asked = { grant_type: "password", username: `person${person}`, password: PASSWORD, scope };
  const request = { path, form: { ...asked, ...form }, headers: { ...headers, ...addressOf(person) } };
  await login.insist("password", request, { receives: login.receives, refusable });
}
