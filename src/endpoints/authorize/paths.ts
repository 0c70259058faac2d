/** Paths that only browsers meet: the same whatever dialect sent them. */

/** Where the steps of an interaction are shown and answered. */
export const INTERACTION_PATH = "/interaction";

/** Where a person's own page stands. */
export const ACCOUNT_PATH = "/account";

/** Where a client sends people to log out. */
export const LOGOUT_PATH = "/oauth2/logout";
