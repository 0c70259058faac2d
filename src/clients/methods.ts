import type { Code } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import type { PresentedCredentials } from "./presented.js";
import type { Client } from "./registry.js";
import { checkSecret } from "./secrets.js";

/** One way for a client to prove who it is (`token_endpoint_auth_method`, RFC 7591 section 2). */
export interface AuthenticationMethod {
  /** Whether a client that uses it proves anything: a public client does not (RFC 6749 section 2.1). */
  readonly confidential: boolean;
  /**
   * Returns if the client is the one it says, and throws its documented refusal otherwise.
   * @param now milliseconds since the epoch
   */
  check(master: MasterKey, client: Client, presented: PresentedCredentials, now: number): void;
}

function bySecret(
  code: Code & `client_secret_${string}`,
  read: (presented: PresentedCredentials) => string | undefined,
): AuthenticationMethod {
  return {
    confidential: true,
    check(master, client, presented, now) {
      const secret = read(presented);
      if (!secret) throw new Refusal(code, {}, { reason: "no secret where the client's method wants it" });
      if (!checkSecret(master, client, secret, now)) throw new Refusal(code, {}, { reason: "wrong or expired secret" });
    },
  };
}

const none: AuthenticationMethod = {
  confidential: false,
  check(_master, _client, { basic, client_secret }) {
    const reason = "a public client presented a secret";
    if (basic?.client_secret) throw new Refusal("client_secret_basic_wrong", {}, { reason });
    if (client_secret) throw new Refusal("client_secret_post_wrong", {}, { reason });
  },
};

/** Every method there is, by its registered name; the metadata documents list these. */
export const METHODS: Readonly<Record<string, AuthenticationMethod>> = {
  client_secret_basic: bySecret("client_secret_basic_wrong", ({ basic }) => basic?.client_secret),
  client_secret_post: bySecret("client_secret_post_wrong", ({ client_secret }) => client_secret),
  none,
};

/** Whether the client can prove who it is. */
export function isConfidential(client: Client): boolean {
  return METHODS[client.token_endpoint_auth_method]?.confidential ?? false;
}

/**
 * Whether the client holds one of the scopes that let it act on what was issued to others. A public client never does:
 * anybody can say its name.
 */
export function mayActFor(client: Client, power: "jeton:admin" | "jeton:introspect"): boolean {
  return isConfidential(client) && client.scope.includes(power);
}
