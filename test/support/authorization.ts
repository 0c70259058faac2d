import type { Test } from "tap";
import { errorDetail, holdsInBrowser } from "./oracle.js";
import type { Form, Instance, Reply } from "./instance.js";
import { answerOf, Browser, formOf } from "./web.js";
import { authorize, BOB, CALLBACK } from "./web-fleet.js";

/** What tests of the authorization endpoint and of its forms ask and look at, on one server. */
export function authorizationAt(server: Instance) {
  /** What the page of a refusal says; fails where the browser is sent anywhere. */
  async function refusedHere(t: Test, reply: Reply, message: string | RegExp): Promise<void> {
    t.ok(reply.status >= 400 && reply.status < 500, `${reply.status}`);
    t.notOk(reply.headers.get("location"), "there is no redirect");
    t.match(errorDetail(reply).replaceAll("&#39;", "'"), message);
    t.notMatch(reply.text, /jac_[\w-]{22}\./, "no code stands in the page");
    await holdsInBrowser(t, server, reply);
  }

  /** What the client is told; fails where it is told anything it must not be. */
  async function toldClient(t: Test, reply: Reply, expected: object, to = CALLBACK): Promise<void> {
    t.equal(reply.status, 303);
    const location = reply.headers.get("location") ?? "";
    t.ok(location.startsWith(`${to}?`), location);
    t.strictSame({ ...answerOf(reply) }, { iss: server.core.issuer, ...expected });
    await holdsInBrowser(t, server, reply);
  }

  /** A stranger at the login form of an authorization. */
  async function atLogin(parameters: Form = {}) {
    const browser = new Browser(server);
    const page = await browser.open(authorize(parameters));
    return { browser, page, ...formOf(page, "login") };
  }

  /** A user at the consent form of an authorization. */
  async function atConsent(parameters: Form = {}, person: Record<string, string> = BOB) {
    const { browser, page } = await atLogin({ client_id: "other-web", prompt: "consent", ...parameters });
    const consent = await browser.submit(page, "login", { ...person, action: "login" });
    return { browser, page: consent, ...formOf(consent, "consent") };
  }

  return { refusedHere, toldClient, atLogin, atConsent };
}

/** Whether a user is logged in: a client that needs no consent gets its code without a page. */
export async function isLoggedIn(browser: Browser): Promise<boolean> {
  return "code" in answerOf(await browser.get(authorize({ client_id: "trusted", prompt: "none" })));
}
