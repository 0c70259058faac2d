/** The paths that browsers use. They are the same in every dialect; src/browser/routes.ts says what happens there. */

/** Shows and answers the steps of an interaction, whose id follows. */
export const INTERACTION_PATH = "/interaction";

/** A person's own page. */
export const ACCOUNT_PATH = "/account";

/** The page at the issuer's own address. */
export const HOME_PATH = "/";

/** The page on which people answer requests for their resources. */
export const SHARING_PATH = "/account/sharing";

/** The page on which people type the code of a device (RFC 8628 section 3.3). */
export const DEVICE_PATH = "/device";

/** The claims interaction endpoint (UMA 2.0 Grant section 3.3.2). */
export { CLAIMS_PATH } from "../uma/claims-gathering.js";

/** The end session endpoint (RP-Initiated Logout 1.0 section 2). */
export const LOGOUT_PATH = "/oauth2/logout";

/** Browsers ask for this icon by themselves, also when the response was no page. */
export const ICON_PATH = "/favicon.ico";
