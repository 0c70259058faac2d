import type { RateLimits } from "../../accounts/rate-limits.js";
import type { Passwords } from "../../accounts/passwords.js";
import type { Clock } from "../../clock.js";
import type { MasterKey } from "../../keys/master-key.js";
import type { RemoteKeySets } from "../../outbound/key-sets.js";
import type { Db } from "../../store/open.js";
import type { PresentedCredentials } from "../presented.js";
import type { RegisteredClient } from "../registered-client.js";

/** One way for a client to prove who it is (`token_endpoint_auth_method`, RFC 7591 section 2). */
export interface AuthenticationMethod {
  /** Whether a client that uses it proves anything: a public client does not (RFC 6749 section 2.1). */
  readonly confidential: boolean;
  /** The signature algorithms of its assertions, absent if it has none. */
  readonly signingAlgorithms?: readonly string[];
  /** How the store keeps the client's secret: hashed, sealed where the check needs the secret itself, or not at all. */
  readonly secret: "hashed" | "sealed" | "none";
  /** Whether its assertions may be encrypted too (OpenID Connect Registration section 2). */
  readonly encryptsAssertions?: true;
  /** Registrations that are accepted with a warning, because the client cannot authenticate yet. */
  readonly warnings?: readonly RegistrationWarning[];
  /** Whether the client's access tokens are bound to its certificate (RFC 8705 section 3). */
  readonly bindsTokens?: true;
  /** Whether a request has the credential of this method, right or wrong. */
  readonly isPresented: (presented: PresentedCredentials) => boolean;
  /** Returns if the client is the one it says, and throws its documented refusal otherwise. */
  check(attempt: AuthenticationAttempt, means: MethodDependencies): Promise<void> | void;
}

/** The text of a warning, and the clients that it is about. */
export type RegistrationWarning = readonly [text: string, isAbout: (client: RegisteredCredentials) => boolean];

/** The members of a client's registration that name its keys and certificates (RFC 7591 section 2, RFC 8705 section 2.1.2). */
export interface RegisteredCredentials {
  readonly jwks?: { readonly keys: readonly object[] } | undefined;
  readonly jwks_uri?: string | undefined;
  readonly tls_client_auth_subject_dn?: string | undefined;
  readonly tls_client_auth_san_dns?: string | undefined;
  readonly tls_client_auth_san_uri?: string | undefined;
  readonly tls_client_auth_san_ip?: string | undefined;
  readonly tls_client_auth_san_email?: string | undefined;
  readonly tls_client_certificate_thumbprint?: string | undefined;
}

/** Whether a client has keys to verify its assertions or certificates with. */
export function hasKeys({ jwks, jwks_uri }: RegisteredCredentials): boolean {
  return (jwks !== undefined && jwks.keys.length > 0) || jwks_uri !== undefined;
}

/** One request of a client that has to prove who it is. */
interface AuthenticationAttempt {
  readonly client: RegisteredClient;
  readonly presented: PresentedCredentials;
  /** The accepted audiences of assertions. */
  readonly audiences: readonly string[];
}

/** The parts of the core that the methods need for their checks. */
export interface MethodDependencies {
  /** The present name of the server, and earlier ones. */
  readonly issuers: readonly string[];
  readonly db: Db;
  readonly master: MasterKey;
  readonly clock: Clock;
  readonly keySets: RemoteKeySets;
  readonly rateLimits: RateLimits;
  readonly passwords: Passwords;
}
