import { browserSessions, type BrowserSessions } from "../accounts/browser-session.js";
import type { Core } from "../core.js";
import { Authorization } from "./authorize/authorization.js";
import type { BrowserAnswer, BrowserRequest } from "./view.js";

/** The parts that the steps share. */
export interface BrowserParts {
  readonly core: Core;
  readonly sessions: BrowserSessions;
  readonly authorization: Authorization;
}

/** Wires the parts over the core, once for each app. */
export function browserParts(core: Core): BrowserParts {
  const sessions = browserSessions(core);
  return { core, sessions, authorization: new Authorization(core, sessions) };
}

/** Decides what the browser gets. An error that a step throws becomes an error page. */
export type Step = (parts: BrowserParts, request: BrowserRequest) => Promise<BrowserAnswer>;
