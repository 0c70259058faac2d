import type { AuthenticationMethod } from "../../../src/clients/methods/method.js";
import { openSecrets } from "../../../src/clients/secrets.js";
import { Refusal } from "../../../src/errors/refusal.js";

/** A client shows its secret backwards, so the server has to know the secret itself. */
export const toyMethod: AuthenticationMethod = {
  confidential: true,
  secret: "sealed",
  isPresented: ({ basic }) => basic !== undefined,
  warnings: [["shows its secret backwards", () => true]],
  check({ client, presented }, { master, clock }) {
    const shown = [...(presented.basic?.client_secret ?? "")].reverse().join("");
    const secrets = openSecrets(master, client, clock.now());
    if (!secrets.some((secret) => secret.toString("utf8") === shown)) throw new Refusal("client_secret_basic_wrong");
  },
};
