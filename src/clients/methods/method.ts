import type { RateLimits } from "../../accounts/rate-limits.js";
import type { Passwords } from "../../accounts/passwords.js";
import type { Clock } from "../../clock.js";
import type { MasterKey } from "../../keys/master-key.js";
import type { RemoteKeySets } from "../../outbound/key-sets.js";
import type { Db } from "../../store/open.js";
import type { PresentedCredentials } from "../presented.js";
import type { Client } from "../registry.js";

/** One way for a client to prove who it is (`token_endpoint_auth_method`, RFC 7591 section 2). */
export interface AuthenticationMethod {
  /** Whether a client that uses it proves anything: a public client does not (RFC 6749 section 2.1). */
  readonly confidential: boolean;
  /** The signature algorithms of its assertions, if it has any. */
  readonly signingAlgorithms?: readonly string[];
  /** Whether the client's access tokens are bound to its certificate (RFC 8705 section 3). */
  readonly bindsTokens?: true;
  /** Returns if the client is the one it says, and throws its documented refusal otherwise. */
  check(attempt: AuthenticationAttempt, means: MethodDependencies): Promise<void> | void;
}

/** One request of a client that has to prove who it is. */
export interface AuthenticationAttempt {
  readonly client: Client;
  readonly presented: PresentedCredentials;
  /** The accepted audiences of assertions. */
  readonly audiences: readonly string[];
}

/** The parts of the core that the methods need for their checks. */
export interface MethodDependencies {
  readonly db: Db;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly keySets: RemoteKeySets;
  readonly rateLimits: RateLimits;
  readonly passwords: Passwords;
}
