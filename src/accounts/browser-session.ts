import { epochSeconds, newId, newSecret, type Clock, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";
import { endSession, openSession, replaceSession, seeSession, type LiveSession } from "../store/sessions.js";
import type { Db } from "../store/open.js";
import type { Person } from "../store/users.js";

/** What a browser is remembered by: a session of whoever logged in, and the browser itself, whose forms are its own. */
export interface BrowserSessions {
  /** The live session of a cookie. */
  find(cookie: string | undefined): Promise<LiveSession | undefined>;
  /**
   * A new session, whose id nobody can have known before the login (session fixation); the one it takes the place of
   * ends.
   */
  logIn(person: Person, amr: readonly string[], before: string | undefined): Promise<{ cookie: string; sid: string }>;
  /** Ends the session of a cookie, the one that an id_token names, and the grants that live as long as they. */
  logOut(which: { readonly cookie?: string | undefined; readonly sid?: string | undefined }): Promise<void>;
  /** A browser's secret, for a cookie of its own. */
  newBrowser(): string;
  /** What stands in the store for a cookie's value. */
  hash(cookie: string): Buffer;
  /** The token of a form: this browser's, for this purpose. */
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
      const sid = newId(random);
      const auth_time = new Date(epochSeconds(clock) * 1000);
      const now = clock.statement();
      await openSession(db, { id_hash: hash(cookie), sid, sub, user_epoch: token_epoch, auth_time, amr }, now);
      if (before) await replaceSession(db, hash(before), { sid, sub }, now);
      return { cookie, sid };
    },
    logOut: ({ cookie, sid }) => endSession(db, { id_hash: cookie ? hash(cookie) : undefined, sid }, clock.statement()),
    formToken: (browser, purpose) => master.mac("form", formText(browser, purpose)).toString("base64url"),
    checkFormToken: (browser, purpose, token) => master.checkMacText("form", formText(browser, purpose), token),
  };
}
