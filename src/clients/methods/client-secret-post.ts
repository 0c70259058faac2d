import { bySecret } from "./by-secret.js";

/** The secret in the body. */
export const clientSecretPost = bySecret("client_secret_post_wrong", ({ client_secret }) => client_secret);
