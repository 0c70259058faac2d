import type { Code } from "../../errors/catalogue.js";
import { Refusal } from "../../errors/refusal.js";
import type { PresentedCredentials } from "../presented.js";
import { checkImportedSecret, findSecret, renewSecret } from "../secrets.js";
import type { AuthenticationMethod } from "./method.js";

/** A method that sends the secret itself (RFC 6749 section 2.3.1). */
export function bySecret(
  code: Code & `client_secret_${string}`,
  read: (presented: PresentedCredentials) => string | undefined,
): AuthenticationMethod {
  return {
    confidential: true,
    secret: "hashed",
    isPresented: (presented) => Boolean(read(presented)),
    async check({ client, presented }, means) {
      const secret = read(presented);
      if (!secret) throw new Refusal(code, { reason: "no secret in the place of the client's method" });
      const now = means.clock.now();
      const found = findSecret(means.master, client, secret, now);
      if (found !== undefined) return renewSecret(means, client.client_id, found, secret);
      if (await checkImportedSecret(means, client, secret, now)) return;
      throw new Refusal(code, { reason: "wrong or expired secret" });
    },
  };
}
