import type { BrowserSessions } from "../accounts/browser-session.js";
import { Refusal } from "../errors/refusal.js";
import type { Form } from "../http/form.js";
import type { LiveSession } from "../store/sessions.js";
import type { BrowserAnswer, Visit } from "./view.js";

/** A page of a person's own (`/account`, `/account/sharing`): its forms belong to the person and browser it was shown to. */

interface Owner {
  readonly session: LiveSession;
  /** What every such page is drawn with. */
  readonly frame: {
    readonly action: string;
    readonly csrf: string;
    readonly leadsTo: readonly [];
    readonly userName: string;
  };
  /** What a browser that was never seen before is given. */
  readonly given: Pick<BrowserAnswer, "cookies">;
}

/** Whose page it is; undefined where nobody is logged in. */
export async function seeOwner(path: string, sessions: BrowserSessions, visit: Visit): Promise<Owner | undefined> {
  const session = await sessions.find(visit.session);
  if (session === undefined) return undefined;
  const browser = visit.browser ?? sessions.newBrowser();
  const csrf = sessions.formToken(browser, purposeOf(path, session));
  const userName = session.name ?? session.preferred_username;
  return {
    session,
    frame: { action: path, csrf, leadsTo: [], userName },
    given: visit.browser === undefined ? { cookies: { browser } } : {},
  };
}

/**
 * Who sent a form of their page; undefined where nobody is logged in any more.
 * @throws Refusal form_foreign
 */
export async function whoSent(
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
