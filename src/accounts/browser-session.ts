import { epochSeconds, newId, newSecret, type Clock, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { endSession, openSession, renewSession, seeSession, type LiveSession } from "../store/sessions.js";
import type { Db } from "../store/open.js";
import type { Person } from "../store/users.js";

/**
 * Browser sessions: the login session of a user, and the identity of the browser itself, to which its forms are bound.
 */
export interface BrowserSessions {
  /** The live session of a cookie, if there is one. */
  find(cookie: string | undefined): Promise<LiveSession | undefined>;
  /**
   * Opens a session after a login, with a new cookie against session fixation. The session before ends, or continues under
   * the new cookie if it is the same user's.
   */
  logIn(person: Person, amr: readonly string[], before: string | undefined): Promise<{ cookie: string; sid: string }>;
  /** Ends the session of a cookie or the session that an id_token names, and the grants made in it. */
  logOut(which: { readonly cookie?: string | undefined; readonly sid?: string | undefined }): Promise<void>;
  /** A new random secret that identifies a browser, for a cookie of its own. */
  newBrowser(): string;
  /** The hash under which the store keeps a cookie. */
  hash(cookie: string): Buffer;
  /** The token that ties a form to this browser and this purpose. */
  formToken(browser: string, purpose: string): string;
  checkFormToken(browser: string, purpose: string, token: string): boolean;
}

export function browserSessions(parts: {
  readonly db: Db;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly random: Random;
}): BrowserSessions {
  const { db, master, clock, random } = parts;
  const hash = (cookie: string) => master.mac("cookie", cookie);
  const secret = () => newSecret(random);
  const formText = (browser: string, purpose: string) => `${purpose}\n${browser}`;
  return {
    hash,
    newBrowser: secret,
    find: async (cookie) => (cookie ? seeSession(db, hash(cookie), clock.statement()) : undefined),
    async logIn({ sub, token_epoch }, amr, before) {
      const cookie = secret();
      const auth_time = new Date(epochSeconds(clock) * 1000);
      const session = { id_hash: hash(cookie), sub, user_epoch: token_epoch, auth_time, amr };
      const now = clock.statement();
      const continued = before ? await renewSession(db, hash(before), session, now) : undefined;
      if (continued !== undefined) return { cookie, sid: continued };
      const sid = newId(random);
      await openSession(db, { ...session, sid }, now);
      if (before) await endSession(db, { id_hash: hash(before) }, now);
      return { cookie, sid };
    },
    logOut: ({ cookie, sid }) => endSession(db, { id_hash: cookie ? hash(cookie) : undefined, sid }, clock.statement()),
    formToken: (browser, purpose) => master.mac("form", formText(browser, purpose)).toString("base64url"),
    checkFormToken: (browser, purpose, token) => master.checkMacText("form", formText(browser, purpose), token),
  };
}
