/** Paths that only browsers meet: the same whatever dialect sent them. */

/** Where the steps of an interaction are shown and answered. */
export const INTERACTION_PATH = "/interaction";

/** Where a person's own page stands. */
export const ACCOUNT_PATH = "/account";

/** Where people see what they were asked to share, and say whether they do. */
export const SHARING_PATH = "/account/sharing";

/** Where a client sends people to say who they are (UMA 2.0 Grant section 3.3.2). */
export { CLAIMS_PATH } from "../../uma/claims-gathering.js";

/** Where a client sends people to log out. */
export const LOGOUT_PATH = "/oauth2/logout";
