import { bySecret } from "./by-secret.js";

/** The secret in the Authorization header. The dialect decides how it is decoded. */
export const clientSecretBasic = bySecret("client_secret_basic_wrong", ({ basic }) => basic?.client_secret);
