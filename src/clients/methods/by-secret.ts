import type { Code } from "../../errors/catalogue.js";
import { Refusal } from "../../errors/refusal.js";
import type { PresentedCredentials } from "../presented.js";
import { checkSecret } from "../secrets.js";
import type { AuthenticationMethod } from "./method.js";

/** A method that sends the secret itself (RFC 6749 section 2.3.1). */
export function bySecret(
  code: Code & `client_secret_${string}`,
  read: (presented: PresentedCredentials) => string | undefined,
): AuthenticationMethod {
  return {
    confidential: true,
    check({ client, presented }, { master, clock }) {
      const secret = read(presented);
      if (!secret) throw new Refusal(code, {}, { reason: "no secret where the client's method wants it" });
      if (checkSecret(master, client, secret, clock.now())) return;
      throw new Refusal(code, {}, { reason: "wrong or expired secret" });
    },
  };
}
