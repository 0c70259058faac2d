import { bySecret } from "./by-secret.js";

/** The secret in the Authorization header; how it is decoded there is the dialect's. */
export const clientSecretBasic = bySecret("client_secret_basic_wrong", ({ basic }) => basic?.client_secret);
