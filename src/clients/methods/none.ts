import { Refusal } from "../../errors/refusal.js";
import type { AuthenticationMethod } from "./method.js";

/** A public client says its name, and anybody can. One that brings a secret means to be another kind of client. */
export const none: AuthenticationMethod = {
  confidential: false,
  check({ presented: { basic, client_secret, client_assertion } }) {
    const reason = "a public client presented a secret";
    if (basic?.client_secret) throw new Refusal("client_secret_basic_wrong", { reason });
    if (client_secret) throw new Refusal("client_secret_post_wrong", { reason });
    if (client_assertion) throw new Refusal("assertion_signature_wrong", { reason });
  },
};
