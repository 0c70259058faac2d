import { z } from "zod";
import type { BrowserSessions } from "../accounts/browser-session.js";
import { homePageOf, isRegistered, withAnswer } from "../clients/redirect-uri.js";
import type { Client } from "../clients/registry.js";
import { sessionFor, subjectFor } from "../clients/subject.js";
import type { Core } from "../core.js";
import { Refusal, type AppLink } from "../errors/refusal.js";
import type { AuditFacts } from "../http/decision.js";
import { withoutRepetition } from "../http/form.js";
import { optional, readParameters } from "../http/parameters.js";
import { frontChannelClients } from "../store/logout-notices.js";
import type { LiveSession } from "../store/sessions.js";
import { readIdTokenHint } from "../tokens/id-token.js";
import { ACCOUNT_PATH, LOGOUT_PATH } from "./paths.js";
import type { BrowserParts, Step } from "./step.js";
import type { BrowserAnswer, BrowserRequest } from "./view.js";

/**
 * RP-Initiated Logout 1.0, and Front-Channel Logout 1.0 for the clients that want it. An id_token_hint ends the session at once if it has no flaw and names the person who is
 * logged in. Without such a hint the person is asked. A bad hint is no error (docs/decisions/0007).
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

type LogoutParameters = z.infer<typeof parameters>;

/** The parameters of the answer to the client (RP-Initiated Logout 1.0 section 3). */
const ANSWER = ["state"] as const;

/** The parameters that a client's front-channel page gets (Front-Channel Logout 1.0 section 2). */
const FRAME_PARAMETERS = ["iss", "sid"] as const;

/** A logout request whose redirect URI is known to be the client's. */
interface LogoutRequest {
  readonly client: Client | undefined;
  /** The person that the id_token_hint names, as the client knows them, if the hint has no flaw. */
  readonly sub: string | undefined;
  /** The browser session that this hint was issued in; undefined for a client with pairwise subjects. */
  readonly sid: string | undefined;
  readonly redirect_uri: string | undefined;
  readonly state: string | undefined;
  readonly ui_locales: string | undefined;
}

declare module "./view.js" {
  interface Views {
    logout: FormView & {
      readonly clientName: string | undefined;
      readonly userName: string;
      /** The parameters that the form sends back. */
      readonly hidden: Readonly<Record<string, string>>;
    };
    logged_out: PageView & {
      /** The app that asked for the logout, if it has pages of its own. */
      readonly app: AppLink | undefined;
      /** Pages of clients that the browser loads, so that they log the person out too. */
      readonly frames: readonly string[];
      /** The address at which the client wants the person back, once the frames are loaded. */
      readonly next: string | undefined;
    };
  }
}

/** Logs the browser's person out, at once or after asking. */
export const logOut: Step = async ({ core, sessions }, { form, visit, posted, facts }) => {
  withoutRepetition(form);
  const typed = readParameters(parameters, form.parameters);
  const request = await readRequest(core, typed, facts);
  if (request.client !== undefined) facts.client_id = request.client.client_id;

  // A form on the client's page is sent without our cookies (SameSite). The browser's own GET sends them.
  if (posted && typed.action === undefined && visit.session === undefined) {
    // Only the parameters of this endpoint are put into the address.
    return goToLogout(Object.fromEntries([...form.parameters].filter(([name]) => Object.hasOwn(typed, name))));
  }
  const session = await sessions.find(visit.session);
  if (session === undefined) {
    // The hint may name a session that is idle or another browser's. It ends too, with the grants that were made in it.
    if (request.sid === undefined) return goodbye(request);
    await sessions.logOut({ sid: request.sid });
    return goodbye(request, await framesOf(core, [request.sid]));
  }
  facts.sub = session.sub;
  // A person who stays sees the account page. The client gets no answer (section 3).
  if (typed.action === "cancel") return { kind: "go", path: ACCOUNT_PATH };
  const isHinted = isAbout(core, request, session);
  const isConfirmed = typed.action === "logout" && checkForm(sessions, session, visit, typed.csrf);
  // Anybody can send a browser here. Without proof that the client knows the person, the person is asked.
  if (!isConfirmed && !isHinted) return confirmation(request, typed, { sessions, session, visit });
  const hinted = isHinted ? request.sid : undefined;
  await sessions.logOut({ cookie: visit.session, sid: hinted });
  const frames = await framesOf(core, [session.sid, hinted ?? session.sid]);
  // A form is answered with a redirect, so that reloading the page sends nothing again (RFC 9110 section 15.4.4).
  const answer =
    posted && request.redirect_uri === undefined && frames.length === 0
      ? goToLogout(given({ ui_locales: request.ui_locales, client_id: request.client?.client_id }))
      : goodbye(request, frames);
  return { ...answer, cookies: { session: null } };
};

function goToLogout(query: Readonly<Record<string, string>>): BrowserAnswer {
  const text = new URLSearchParams(query).toString();
  return { kind: "go", path: text === "" ? LOGOUT_PATH : `${LOGOUT_PATH}?${text}` };
}

/** The members that have a value. */
function given(members: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(members).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** The token of the page's form belongs to the session that the page was shown in. */
function purposeOf({ sid }: LiveSession): string {
  return `logout\n${sid}`;
}

/** @throws Refusal form_foreign */
function checkForm(
  sessions: BrowserSessions,
  session: LiveSession,
  { browser }: BrowserRequest["visit"],
  csrf: string | undefined,
): true {
  if (browser === undefined || csrf === undefined || !sessions.checkFormToken(browser, purposeOf(session), csrf)) {
    throw new Refusal("form_foreign");
  }
  return true;
}

/** Whether the hint of a request names the person of a session. */
function isAbout({ master }: Core, { client, sub }: LogoutRequest, session: LiveSession): boolean {
  return client !== undefined && sub === subjectFor(master, client, session.sub);
}

/** The page that asks. Its form repeats the request without the hint, because the answer to the client needs none. */
function confirmation(
  request: LogoutRequest,
  { client_id }: LogoutParameters,
  {
    sessions,
    session,
    visit,
  }: Pick<BrowserParts, "sessions"> & Pick<BrowserRequest, "visit"> & { session: LiveSession },
): BrowserAnswer {
  const { client, redirect_uri, state, ui_locales } = request;
  const browser = visit.browser ?? sessions.newBrowser();
  return {
    kind: "show",
    view: {
      page: "logout",
      action: LOGOUT_PATH,
      csrf: sessions.formToken(browser, purposeOf(session)),
      leadsTo: leadsTo(request),
      hidden: given({
        client_id: client_id ?? client?.client_id,
        post_logout_redirect_uri: redirect_uri,
        state,
        ui_locales,
      }),
      uiLocales: ui_locales,
      clientName: client && (client.client_name ?? client.client_id),
      userName: session.name ?? session.preferred_username,
    },
    cookies: visit.browser === undefined ? { browser } : undefined,
  };
}

async function readRequest(core: Core, typed: LogoutParameters, facts: AuditFacts): Promise<LogoutRequest> {
  const { id_token_hint, client_id, post_logout_redirect_uri, state, ui_locales } = typed;
  const { hint, flaw } = await readIdTokenHint(core, id_token_hint, client_id);
  facts.hint_flaw = flaw;
  const named = await enabledClient(core, client_id ?? hint?.client_id);
  if (client_id !== undefined && named === undefined) throw new Refusal("client_unknown");
  // A bad hint does not tell which client asks. The redirect URI does: only the client that registered it uses it.
  const isUnnamed = named === undefined && id_token_hint !== undefined && post_logout_redirect_uri !== undefined;
  const client = isUnnamed
    ? await enabledClient(core, await core.registry.findByLogoutUri(post_logout_redirect_uri))
    : named;
  if (
    post_logout_redirect_uri !== undefined &&
    (client === undefined || !isRegistered(post_logout_redirect_uri, client.post_logout_redirect_uris))
  ) {
    throw new Refusal("post_logout_redirect_uri_unknown");
  }
  // An old id_token may have leaked, and a client that is disabled or deleted may ask for nothing.
  const proof = flaw === undefined && named !== undefined ? hint : undefined;
  // A pairwise `sid` is compared with no session, because it does not tell which one it was made of.
  const sid = named?.subject_type === "pairwise" ? undefined : proof?.sid;
  return { client, sub: proof?.sub, sid, redirect_uri: post_logout_redirect_uri, state, ui_locales };
}

async function enabledClient({ registry }: Core, client_id: string | undefined): Promise<Client | undefined> {
  const client = client_id === undefined ? null : await registry.find(client_id);
  return client === null || client.disabled ? undefined : client;
}

/** The client's page may send the person on, as after an authorization. */
function leadsTo({ client, redirect_uri }: LogoutRequest): readonly string[] {
  if (client === undefined || redirect_uri === undefined) return [];
  return [redirect_uri, ...client.web_origins, ...client.post_logout_redirect_uris];
}

/** The pages of clients that got an id_token in these sessions (Front-Channel Logout section 3). */
async function framesOf({ db, issuer, master }: Core, sids: readonly string[]): Promise<readonly string[]> {
  const clients = await frontChannelClients(db, sids);
  return clients.map(
    ({ frontchannel_logout_uri: uri, sid, frontchannel_logout_session_required: wantsSid, ...client }) =>
      wantsSid ? withAnswer(uri, { iss: issuer, sid: sessionFor(master, client, sid) }, FRAME_PARAMETERS) : uri,
  );
}

/** The end of a logout: back to the client, or to a page of our own. Frames need a page in any case. */
function goodbye(
  { client, redirect_uri, state, ui_locales }: LogoutRequest,
  frames: readonly string[] = [],
): BrowserAnswer {
  const next = redirect_uri === undefined ? undefined : withAnswer(redirect_uri, given({ state }), ANSWER);
  if (next !== undefined && frames.length === 0) return { kind: "leave", uri: next };
  const uri = client && homePageOf(client.redirect_uris);
  const app = uri === undefined ? undefined : { name: client!.client_name ?? client!.client_id, uri };
  return { kind: "show", view: { page: "logged_out", uiLocales: ui_locales, app, frames, next } };
}
