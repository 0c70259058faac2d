import type { BrowserSessions } from "../accounts/browser-session.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import type { DecisionFacts } from "../http/decision.js";
import type { Form } from "../http/form.js";
import { consentsOf, withdrawConsent } from "../store/consents.js";
import type { LiveSession } from "../store/sessions.js";
import { describeScope } from "../tokens/claims.js";
import type { Authorization } from "./authorize/authorization.js";
import { ACCOUNT_PATH } from "./authorize/paths.js";
import type { BrowserAnswer, Visit } from "./authorize/view.js";

/** A person's own page: what they allowed whom, and a button to take it back. */

/** A form of this page belongs to the person it was shown to. */
function purposeOf({ sid }: LiveSession): string {
  return `account\n${sid}`;
}

interface AccountParts {
  readonly core: Core;
  readonly sessions: BrowserSessions;
  readonly authorization: Authorization;
}

/** Shows the page, after a login where there is none. */
export async function showAccount(parts: AccountParts, visit: Visit, facts: DecisionFacts): Promise<BrowserAnswer> {
  const { core, sessions, authorization } = parts;
  const session = await sessions.see(visit.session);
  if (session === undefined) return authorization.logInFor(ACCOUNT_PATH, visit);
  facts.sub = session.sub;
  const browser = visit.browser ?? sessions.newBrowser();
  const declared = await core.registry.scopes();
  const consents = await consentsOf(core.db, session.sub);
  return {
    kind: "show",
    view: {
      page: "account",
      action: ACCOUNT_PATH,
      csrf: sessions.formToken(browser, purposeOf(session)),
      leadsTo: [],
      userName: session.name ?? session.preferred_username,
      consents: consents.map(({ client_id, client_name, scope, given_at }) => ({
        clientId: client_id,
        clientName: client_name ?? client_id,
        scopes: scope.map((name) => describeScope(name, declared)),
        since: given_at,
      })),
    },
    ...(visit.browser === undefined ? { cookies: { browser } } : {}),
  };
}

/** Takes a consent back, and with it every grant that rests on it, at once. */
export async function changeAccount(
  parts: AccountParts,
  form: Form,
  visit: Visit,
  facts: DecisionFacts,
): Promise<BrowserAnswer> {
  const { core, sessions } = parts;
  const { browser } = visit;
  const csrf = form.parameters.get("csrf") ?? "";
  const session = await sessions.see(visit.session);
  if (session === undefined) return { kind: "go", path: ACCOUNT_PATH };
  if (browser === undefined || !sessions.checkFormToken(browser, purposeOf(session), csrf)) {
    throw new Refusal("form_foreign", {}, { again: ACCOUNT_PATH });
  }
  const client_id = form.parameters.get("client_id");
  if (client_id !== undefined && form.parameters.get("action") === "withdraw") {
    facts.sub = session.sub;
    facts.client_id = client_id;
    await withdrawConsent(core.db, session.sub, client_id, core.clock.statement());
  }
  return { kind: "go", path: ACCOUNT_PATH };
}
