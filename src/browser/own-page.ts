import type { BrowserSessions } from "../accounts/browser-session.js";
import { Refusal } from "../errors/refusal.js";
import type { Form } from "../http/form.js";
import type { LiveSession } from "../store/sessions.js";
import type { BrowserAnswer, FormView, Visit } from "./view.js";

/**
 * Shared by the pages of a person's own (`/account`, `/account/sharing`). A form of such a page is accepted only from
 * the browser and the session that the page was shown in.
 */

/** The members that every such page has. */
export interface OwnPageView extends FormView {
  readonly userName: string;
}

interface Owner {
  readonly session: LiveSession;
  readonly frame: OwnPageView;
  /** The cookie for a browser that has none yet. */
  readonly cookies: BrowserAnswer["cookies"];
}

/** The person whose page this is; undefined if no user is logged in. */
export async function seeOwner(path: string, sessions: BrowserSessions, visit: Visit): Promise<Owner | undefined> {
  const session = await sessions.find(visit.session);
  if (session === undefined) return undefined;
  const browser = visit.browser ?? sessions.newBrowser();
  const csrf = sessions.formToken(browser, purposeOf(path, session));
  const userName = session.name ?? session.preferred_username;
  return {
    session,
    frame: { action: path, csrf, leadsTo: [], userName },
    cookies: visit.browser === undefined ? { browser } : undefined,
  };
}

/**
 * The session of the person who sent a form of their page; undefined if that person is no longer logged in.
 * @throws Refusal form_foreign
 */
export async function findSender(
  path: string,
  sessions: BrowserSessions,
  form: Form,
  { browser, session: cookie }: Visit,
): Promise<LiveSession | undefined> {
  const session = await sessions.find(cookie);
  if (session === undefined) return undefined;
  const csrf = form.parameters.get("csrf") ?? "";
  if (browser !== undefined && sessions.checkFormToken(browser, purposeOf(path, session), csrf)) return session;
  throw new Refusal("form_foreign", { again: path });
}

function purposeOf(path: string, { sid }: LiveSession): string {
  return `${path}\n${sid}`;
}
