import { z } from "zod";
import type { BrowserSessions } from "../accounts/browser-session.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import type { AuditFacts } from "../http/decision.js";
import { withoutRepetition, type Form } from "../http/form.js";
import { optional, readParameters } from "../http/parameters.js";
import { readIdTokenHint } from "../tokens/id-token.js";
import { homePageOf, isRegistered, withAnswer } from "../clients/redirect-uri.js";
import { ACCOUNT_PATH, LOGOUT_PATH } from "./paths.js";
import type { BrowserAnswer, Visit } from "./view.js";

/**
 * RP-Initiated Logout 1.0: at once with a hint that has no flaw and names the person who is logged in, else after asking. A
 * bad hint is no error (docs/decisions/0007).
 */

const parameters = z.object({
  id_token_hint: optional,
  client_id: optional,
  post_logout_redirect_uri: optional,
  state: optional,
  logout_hint: optional,
  ui_locales: optional,
  action: optional,
  csrf: optional,
});

/** What an answer to a logout may say (RP-Initiated Logout 1.0 section 3). */
const ANSWER = ["state"] as const;

/** What a logout request asks for, once it is known to be the client's. */
interface LogoutRequest {
  readonly client: Client | undefined;
  /** The person that an id_token_hint without a flaw is about. */
  readonly sub: string | undefined;
  /** The browser session which that hint was given in. */
  readonly sid: string | undefined;
  readonly redirect_uri: string | undefined;
  readonly state: string | undefined;
}

/** Logs the browser's person out, at once or after asking. */
export async function logOut(
  { core, sessions }: { readonly core: Core; readonly sessions: BrowserSessions },
  form: Form,
  visit: Visit,
  { posted, facts }: { readonly posted: boolean; readonly facts: AuditFacts },
): Promise<BrowserAnswer> {
  withoutRepetition(form);
  const typed = readParameters(parameters, form.parameters);
  const request = await readRequest(core, typed, facts);
  if (request.client !== undefined) facts.client_id = request.client.client_id;
  const uiLocales = typed.ui_locales === undefined ? {} : { uiLocales: typed.ui_locales };

  // A form of the client's page came without our cookies (SameSite): the browser's own GET brings them.
  if (posted && typed.action === undefined && visit.session === undefined) {
    // Only what this endpoint reads: whatever else was posted gets into no address.
    const known = [...form.parameters].filter(([name]) => Object.hasOwn(typed, name));
    return { kind: "go", path: `${LOGOUT_PATH}?${new URLSearchParams(known)}` };
  }
  const session = await sessions.find(visit.session);
  if (session === undefined) {
    // The session that a good hint names may be idle, or of another browser: it ends, and with it the grants made in it.
    if (request.sid !== undefined) await sessions.logOut({ sid: request.sid });
    return goodbye(request, uiLocales);
  }
  facts.sub = session.sub;
  // A person who stays sees what they stay logged in to. The client has no answer for it (section 3).
  if (typed.action === "cancel") return { kind: "go", path: ACCOUNT_PATH };
  const purpose = `logout\n${session.sid}`;
  const confirmed = typed.action === "logout" && isOwnForm(sessions, visit, { purpose, csrf: typed.csrf });
  if (confirmed || request.sub === session.sub) {
    await sessions.logOut({ cookie: visit.session, sid: request.sub === session.sub ? request.sid : undefined });
    const cookies = { session: null };
    // A form is answered with a redirect, so that reloading the page sends nothing again (RFC 9110 section 15.4.4).
    if (posted && request.redirect_uri === undefined) {
      const kept = Object.entries({ ui_locales: typed.ui_locales, client_id: request.client?.client_id });
      const query = new URLSearchParams(kept.filter((pair): pair is [string, string] => pair[1] !== undefined));
      return { kind: "go", path: query.size === 0 ? LOGOUT_PATH : `${LOGOUT_PATH}?${query}`, cookies };
    }
    return { ...goodbye(request, uiLocales), cookies };
  }

  // Anybody can send a browser here: without proof that the client knows the person, the person is asked.
  const browser = visit.browser ?? sessions.newBrowser();
  const csrf = sessions.formToken(browser, purpose);
  return {
    kind: "show",
    view: { ...confirmation(request, typed), csrf, userName: session.name ?? session.preferred_username },
    ...(visit.browser === undefined ? { cookies: { browser } } : {}),
  };
}

/** The page that asks. Its form says what the request said, but brings no hint: the answer needs none. */
function confirmation(request: LogoutRequest, { client_id, ui_locales }: z.infer<typeof parameters>) {
  const { client, redirect_uri, state } = request;
  const hidden = Object.entries({
    client_id: client_id ?? client?.client_id,
    post_logout_redirect_uri: redirect_uri,
    state,
    ui_locales,
  }).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    page: "logout",
    action: LOGOUT_PATH,
    leadsTo: leadsTo(request),
    hidden: Object.fromEntries(hidden),
    ...(ui_locales === undefined ? {} : { uiLocales: ui_locales }),
    ...(client === undefined ? {} : { clientName: client.client_name ?? client.client_id }),
  } as const;
}

async function readRequest(core: Core, typed: z.infer<typeof parameters>, facts: AuditFacts): Promise<LogoutRequest> {
  const { id_token_hint, client_id, post_logout_redirect_uri, state } = typed;
  const { hint, flaw } = await readIdTokenHint(core, id_token_hint, client_id);
  facts.hint_flaw = flaw;
  const named = await enabledClient(core, client_id ?? hint?.client_id);
  if (client_id !== undefined && named === undefined) throw new Refusal("client_unknown");
  const unclear = named === undefined && id_token_hint !== undefined && post_logout_redirect_uri !== undefined;
  // A bad hint does not say whose request it is. The address does: anybody could name the client that registered it.
  const client = unclear
    ? await enabledClient(core, await core.registry.findByLogoutUri(post_logout_redirect_uri))
    : named;
  if (
    post_logout_redirect_uri !== undefined &&
    (client === undefined || !isRegistered(post_logout_redirect_uri, client.post_logout_redirect_uris))
  ) {
    throw new Refusal("post_logout_redirect_uri_unknown");
  }
  // Anybody may have found an old id_token; and a client that is disabled or gone asks for nothing.
  const proof = flaw === undefined && named !== undefined ? hint : undefined;
  return { client, sub: proof?.sub, sid: proof?.sid, redirect_uri: post_logout_redirect_uri, state };
}

async function enabledClient({ registry }: Core, client_id: string | undefined): Promise<Client | undefined> {
  const client = client_id === undefined ? null : await registry.find(client_id);
  return client === null || client.disabled ? undefined : client;
}

function isOwnForm(
  sessions: BrowserSessions,
  { browser }: Visit,
  { purpose, csrf }: { readonly purpose: string; readonly csrf: string | undefined },
): boolean {
  if (browser === undefined || csrf === undefined || !sessions.checkFormToken(browser, purpose, csrf)) {
    throw new Refusal("form_foreign");
  }
  return true;
}

/** As after an authorization: the page a person lands on may send them on. */
function leadsTo({ client, redirect_uri }: LogoutRequest): readonly string[] {
  if (client === undefined || redirect_uri === undefined) return [];
  return [redirect_uri, ...client.web_origins, ...client.post_logout_redirect_uris];
}

function goodbye({ client, redirect_uri, state }: LogoutRequest, uiLocales: { uiLocales?: string }): BrowserAnswer {
  if (redirect_uri === undefined) {
    const uri = client === undefined ? undefined : homePageOf(client.redirect_uris);
    const app =
      client === undefined || uri === undefined ? {} : { app: { name: client.client_name ?? client.client_id, uri } };
    return { kind: "show", view: { page: "logged_out", ...uiLocales, ...app } };
  }
  return { kind: "leave", uri: withAnswer(redirect_uri, state === undefined ? {} : { state }, ANSWER) };
}
