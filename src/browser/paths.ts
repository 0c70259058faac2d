/** Paths that only browsers meet: the same whatever dialect sent them. */

/** Where the steps of an interaction are shown and answered. */
export const INTERACTION_PATH = "/interaction";

/** Where a person's own page stands. */
export const ACCOUNT_PATH = "/account";

/** What is shown at the address itself. */
export const HOME_PATH = "/";

/** Where people see what they were asked to share, and say whether they do. */
export const SHARING_PATH = "/account/sharing";

/** Where a client sends people to say who they are (UMA 2.0 Grant section 3.3.2). */
export { CLAIMS_PATH } from "../uma/claims-gathering.js";

/** Where a client sends people to log out. */
export const LOGOUT_PATH = "/oauth2/logout";

/** Where browsers look for an icon, also beside what is no page. */
export const ICON_PATH = "/favicon.ico";

/** What people type, and the page that is meant. */
export const MEANT: Readonly<Record<string, string>> = {
  "/login": ACCOUNT_PATH,
  "/login/": ACCOUNT_PATH,
  "/account/": ACCOUNT_PATH,
  "/account/sharing/": SHARING_PATH,
  "/logout": LOGOUT_PATH,
  "/logout/": LOGOUT_PATH,
};
