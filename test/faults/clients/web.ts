import type { Instance, Reply } from "../../support/instance.js";
import { answerOf, Browser, pkce, query } from "../../support/web.js";
import { EVERYTHING } from "../ledger.js";
import { CALLBACK, PASSWORD } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import type { About } from "../visitor.js";
import { addressOf, confidential, isPublic, Login, personHistory } from "./login.js";

const CLIENTS = [confidential("web"), isPublic("spa")];

/** Attempts at the pages before a person gives up. */
const MAX_ATTEMPTS = 20;

/** A person signs in at the real pages, and the client exchanges the code that comes back. */
export async function signInAtPages(run: Run, random: Random): Promise<Login> {
  const person = run.persons.take();
  const identity = random.pick(CLIENTS);
  const login = new Login(run, random, personHistory("authorization_code", identity.client_id, person), identity);
  try {
    const { verifier, challenge } = pkce();
    const code = await walkPages(login, person, challenge);
    if (code !== undefined) await exchange(login, code, verifier);
    if (login.refreshLabel !== undefined) await login.live(5 + random.below(40));
  } finally {
    run.persons.giveBack(person);
  }
  return login;
}

/** From the authorization request to the code: what is unavailable is loaded again, as people do. */
async function walkPages(login: Login, person: number, challenge: object): Promise<string | undefined> {
  const browser = new Browser(server(login, person));
  const parameters = {
    response_type: "code",
    client_id: login.identity.client_id,
    redirect_uri: CALLBACK,
    scope: "openid profile api1",
  };
  const address = `/oauth2/authorize?${query({ ...parameters, ...challenge })}`;
  for (let attempt = 0; attempt < MAX_ATTEMPTS && !login.run.isOver; attempt += 1) {
    const code = await walk(browser, address, person);
    if (code !== undefined) return code;
    await login.rest(100, 500);
  }
  return undefined;
}

async function walk(browser: Browser, address: string, person: number): Promise<string | undefined> {
  let page = await browser.open(address);
  if (page.text.includes('id="login"')) {
    page = await browser.submit(page, "login", { username: `person${person}`, password: PASSWORD, action: "login" });
  }
  if (page.text.includes('id="consent"')) page = await browser.submit(page, "consent", { action: "allow" });
  return page.headers.get("location")?.startsWith(CALLBACK) ? answerOf(page).code : undefined;
}

/** What a browser needs of a server; each request goes to any instance, and is written down. */
function server(login: Login, person: number): Pick<Instance, "send" | "post"> {
  const about: About = { refusable: "a page may have been sent before, or come too late" };
  const reply = async (asked: Parameters<Login["ask"]>[1]): Promise<Reply> => {
    const { status, headers, text, json } = await login.ask("page", asked, about);
    const pairs = Object.entries(headers).flatMap(([name, value]) =>
      [value].flat().map((one) => [name, String(one)] as [string, string]),
    );
    return { status, headers: new Headers(pairs), text, json };
  };
  return {
    send: (path, init = {}) => reply({ method: "GET", path, headers: { ...init.headers!, ...addressOf(person) } }),
    post: (path, form, headers = {}) =>
      reply({ path, form: form as Record<string, string>, headers: { ...headers, ...addressOf(person) } }),
  };
}

/** The code works once; some codes are shown to every instance at once, which ends what was issued for them. */
async function exchange(login: Login, code: string, code_verifier: string): Promise<void> {
  const { headers, form } = login.identity;
  const presents = login.history.label("code", code);
  const asked = {
    path: "/oauth2/token",
    form: { grant_type: "authorization_code", code, code_verifier, redirect_uri: CALLBACK, ...form },
    headers,
  };
  const about: About = { presents, single: "once", receives: login.receives };
  const replayed: About = { refusable: "the code may have been used", mayEnd: [EVERYTHING] };
  if (!login.random.chance(0.15)) return void (await login.insist("code", asked, about, replayed));
  await Promise.all(login.run.fleet.instances.map((at) => login.ask("code", asked, { ...about, ...replayed }, at)));
}
