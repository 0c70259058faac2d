import { Refusal } from "../../errors/refusal.js";
import type { AuthenticationMethod } from "./method.js";

/**
 * A public client sends only its client_id, which any caller can do. A secret in the request means that the client is
 * registered wrongly.
 */
export const none: AuthenticationMethod = {
  confidential: false,
  secret: "none",
  isPresented: () => true,
  check({ presented: { basic, client_secret, client_assertion } }) {
    const reason = "a public client presented a secret";
    if (basic?.client_secret) throw new Refusal("client_secret_basic_wrong", { reason });
    if (client_secret) throw new Refusal("client_secret_post_wrong", { reason });
    if (client_assertion) throw new Refusal("assertion_signature_wrong", { reason });
  },
};
