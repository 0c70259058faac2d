import type { BrowserSessions } from "../accounts/browser-session.js";
import { homePageOf } from "../clients/redirect-uri.js";
import type { Core } from "../core.js";
import type { AuditFacts } from "../http/decision.js";
import type { Form } from "../http/form.js";
import { consentsOf, withdrawConsent } from "../store/consents.js";
import { describeScope } from "../tokens/claims.js";
import type { Authorization } from "./authorize/authorization.js";
import { ACCOUNT_PATH } from "./paths.js";
import type { BrowserAnswer, Visit } from "./view.js";
import { seeOwner, whoSent } from "./own-page.js";

/** A person's own page: what they allowed whom, and a button to take it back. */

interface AccountParts {
  readonly core: Core;
  readonly sessions: BrowserSessions;
  readonly authorization: Authorization;
}

/** Shows the page, after a login where there is none. */
export async function showAccount(parts: AccountParts, visit: Visit, facts: AuditFacts): Promise<BrowserAnswer> {
  const { core, sessions, authorization } = parts;
  const owner = await seeOwner(ACCOUNT_PATH, sessions, visit);
  if (owner === undefined) return authorization.logInFor(ACCOUNT_PATH, visit);
  const { session, frame, given } = owner;
  facts.sub = session.sub;
  const declared = await core.registry.scopes();
  const consents = await consentsOf(core.db, session.sub);
  return {
    kind: "show",
    view: {
      page: "account",
      ...frame,
      consents: consents.map(({ client_id, client_name, redirect_uris, scope, given_at }) => ({
        clientId: client_id,
        clientName: client_name ?? client_id,
        home: homePageOf(redirect_uris),
        scopes: scope.map((name) => describeScope(name, declared)),
        since: given_at,
      })),
    },
    ...given,
  };
}

/** Takes a consent back, and with it every grant that rests on it, at once. */
export async function changeAccount(
  parts: AccountParts,
  form: Form,
  visit: Visit,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  const { core, sessions } = parts;
  const session = await whoSent(ACCOUNT_PATH, sessions, form, visit); // form_foreign
  if (session === undefined) return { kind: "go", path: ACCOUNT_PATH };
  const client_id = form.parameters.get("client_id");
  if (client_id !== undefined && form.parameters.get("action") === "withdraw") {
    facts.sub = session.sub;
    facts.client_id = client_id;
    await withdrawConsent(core.db, session.sub, client_id, core.clock.statement());
  }
  return { kind: "go", path: ACCOUNT_PATH };
}
