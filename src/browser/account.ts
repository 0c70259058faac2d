import { actingFor } from "../store/audit-actor.js";
import { homePageOf } from "../clients/redirect-uri.js";
import type { Scope } from "../clients/registry.js";
import { consentsOf, withdrawConsent } from "../store/consents.js";
import { describeScope } from "../tokens/claims.js";
import { findSender, seeOwner, type OwnPageView } from "./own-page.js";
import { ACCOUNT_PATH } from "./paths.js";
import type { Step } from "./step.js";

/** A person's own page: the clients that they gave access to, each with a button that withdraws it. */

interface GivenConsent {
  readonly clientId: string;
  readonly clientName: string;
  /** The address of the client's own pages, absent if it has none. */
  readonly home: string | undefined;
  readonly scopes: readonly Scope[];
  readonly since: Date;
}

declare module "./view.js" {
  interface Views {
    account: OwnPageView & { readonly consents: readonly GivenConsent[] };
  }
}

/** Shows the page. A person who is not logged in logs in first. */
export const showAccount: Step = async ({ core, sessions, authorization }, { visit, facts }) => {
  const owner = await seeOwner(ACCOUNT_PATH, sessions, visit);
  if (owner === undefined) return authorization.logInFor(ACCOUNT_PATH, visit);
  const { session, frame, cookies } = owner;
  facts.sub = session.sub;
  const declared = await core.registry.scopes();
  const found = await consentsOf(core.db, session.sub);
  const consents = found.map(({ client_id, client_name, redirect_uris, scope, given_at }) => ({
    clientId: client_id,
    clientName: client_name ?? client_id,
    home: homePageOf(redirect_uris),
    scopes: scope.map((name) => describeScope(name, declared)),
    since: given_at,
  }));
  return { kind: "show", view: { page: "account", ...frame, consents }, cookies };
};

/** Withdraws a consent, and ends every grant that rests on it. */
export const changeAccount: Step = async ({ core, sessions }, { form, visit, facts }) => {
  const session = await findSender(ACCOUNT_PATH, sessions, form, visit); // form_foreign
  if (session === undefined) return { kind: "go", path: ACCOUNT_PATH };
  const client_id = form.parameters.get("client_id");
  if (client_id !== undefined && form.parameters.get("action") === "withdraw") {
    facts.sub = session.sub;
    facts.client_id = client_id;
    await withdrawConsent(
      actingFor(core.db, { kind: "person", id: session.sub, ip: visit.network }),
      { sub: session.sub, client_id },
      core.clock.statement(),
    );
  }
  return { kind: "go", path: ACCOUNT_PATH };
};
