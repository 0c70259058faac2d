import { isIP } from "node:net";
import { passwordProblem } from "../accounts/passwords.js";
import { parseDistinguishedName } from "../clients/distinguished-name.js";
import { methodsOf, secretStorage } from "../clients/methods.js";
import { hasKeys } from "../clients/methods/method.js";
import { isPlainHttp } from "../clients/registered-uri.js";
import { tokenExchangeGrant } from "../grants/token-exchange.js";
import { inOneLine } from "./raw-entry.js";
import type { Entry } from "./read.js";
import type { ProvisionedClient, ProvisionedUser, ProvisioningFile, Section } from "./schema.js";
import type { Vault } from "./write.js";

/**
 * Settings that are accepted, because the author of the file is trusted, but reported, because they may be mistakes. An
 * incomplete client is refused at the endpoint with its documented message.
 */

const MIN_SECRET = 32;

const CLIENT_RULES: readonly (readonly [string, (client: ProvisionedClient) => boolean])[] = [
  ["has a secret shorter than 32 characters", (one) => secretsOf(one).some((value) => value.length < MIN_SECRET)],
  ["has a secret that its method does not use", (one) => !usesSecret(one) && hasSecret(one)],
  [
    "has a tls_client_auth_subject_dn that is no name (RFC 4514)",
    ({ tls_client_auth_subject_dn: name }) => name !== undefined && parseDistinguishedName(name) === undefined,
  ],
  [
    "has a tls_client_auth_san_ip that is no IP address",
    ({ tls_client_auth_san_ip: ip }) => ip !== undefined && isIP(ip) === 0,
  ],
  ["names a signing algorithm that its method does not have", (one) => !canSign(one)],
  [
    "encrypts assertions that are not signed with HS256",
    ({ token_endpoint_auth_encryption_alg: nested, token_endpoint_auth_signing_alg: alg = "HS256" }) =>
      nested !== undefined && alg !== "HS256",
  ],
  [
    "names an encryption that only client_secret_jwt has",
    (one) =>
      one.token_endpoint_auth_encryption_alg !== undefined &&
      !methodsOf(one).some(({ encryptsAssertions }) => encryptsAssertions),
  ],
  ["is public and lists client_credentials", (one) => isPublic(one) && one.grant_types.includes("client_credentials")],
  ["may use the password grant (RFC 9700 section 2.4)", (one) => one.grant_types.includes("password")],
  ["lists token exchange without a rule in token_exchange", (one) => exchanges(one) && one.token_exchange.length === 0],
  ["has rules in token_exchange without the grant type", (one) => !exchanges(one) && one.token_exchange.length > 0],
  ["has a redirect URI over plain http", (one) => redirectUrisOf(one).some(isPlainHttp)],
  [
    "must sign its requests and has no key in jwks and no jwks_uri",
    (one) => one.require_signed_request_object && !hasKeys(one),
  ],
  ["lists authorization_code without a redirect URI", (one) => usesCode(one) && one.redirect_uris.length === 0],
];

/** The checks for unwise settings, by section. */
const UNWISE: { readonly [S in Section]?: (value: ProvisioningFile[S][number]) => readonly string[] } = {
  clients: (client) =>
    [...methodsOf(client).flatMap(({ warnings = [] }) => warnings), ...CLIENT_RULES]
      .filter(([, holds]) => holds(client))
      .map(([text]) => text),
  users: weaknessOf,
};

const NO_WAY_TO_SHOW =
  "binds its tokens to a certificate, which no client can show to a server without TLS_CERT and TRUST_PROXY";

const WITHOUT_SECRET = "has no secret to authenticate with";

/** Largest number of lines that are kept, because a large file may cause one for each entry. */
const MAX_WARNINGS = 1_000;

/** Collects one line for each unwise setting. It names the entry and never a value. */
export class Warnings {
  readonly #canShow: boolean;
  readonly #lines: string[] = [];
  #more = 0;

  constructor({ takesCertificates = true }: Pick<Vault, "takesCertificates">) {
    this.#canShow = takesCertificates;
  }

  /** @param secretless ids of clients without a secret in the store */
  add(entries: readonly Omit<Entry, "raw">[], secretless: ReadonlySet<string> = new Set()): void {
    for (const entry of entries) {
      for (const text of this.#textsOf(entry, secretless)) {
        this.#keep(inOneLine(`${entry.place.name} (${entry.key}) ${text}`));
      }
    }
  }

  #keep(line: string): void {
    if (this.#lines.length < MAX_WARNINGS) this.#lines.push(line);
    else this.#more += 1;
  }

  /** All lines, with a last one about those that were dropped. */
  lines(more: readonly string[] = []): readonly string[] {
    for (const line of more) this.#keep(inOneLine(line));
    return this.#more === 0 ? this.#lines : [...this.#lines, `${this.#more} more warnings`];
  }

  #textsOf({ section, key, value }: Omit<Entry, "raw">, secretless: ReadonlySet<string>): readonly string[] {
    const unwise = UNWISE[section] as ((value: unknown) => readonly string[]) | undefined;
    const texts = unwise?.(value) ?? [];
    if (section !== "clients") return texts;
    const client = value as ProvisionedClient;
    return [
      ...(usesSecret(client) && secretless.has(key) ? [WITHOUT_SECRET] : []),
      ...texts,
      ...(client.tls_client_certificate_bound_access_tokens && !this.#canShow ? [NO_WAY_TO_SHOW] : []),
    ];
  }
}

function weaknessOf({ password }: ProvisionedUser): readonly string[] {
  const weakness = password ? passwordProblem(password) : undefined;
  return weakness === undefined ? [] : [`has ${weakness}`];
}

function secretsOf({ client_secret, client_secrets = [] }: ProvisionedClient): string[] {
  return client_secret === undefined ? client_secrets.map(({ value }) => value) : [client_secret];
}

function redirectUrisOf({ redirect_uris, claims_redirect_uris, post_logout_redirect_uris }: ProvisionedClient) {
  return [...redirect_uris, ...claims_redirect_uris, ...post_logout_redirect_uris];
}

const hasSecret = (one: ProvisionedClient) => secretsOf(one).length > 0 || one.client_secret_hash !== undefined;
const usesSecret = (one: ProvisionedClient) => secretStorage(one) !== "none";
const usesCode = (one: ProvisionedClient) => one.grant_types.includes("authorization_code");
const exchanges = (one: ProvisionedClient) => one.grant_types.some((type) => tokenExchangeGrant.types.includes(type));
const isPublic = (one: ProvisionedClient) => methodsOf(one).some(({ confidential }) => !confidential);

function canSign(one: ProvisionedClient): boolean {
  const { token_endpoint_auth_signing_alg: alg } = one;
  return alg === undefined || methodsOf(one).some(({ signingAlgorithms = [] }) => signingAlgorithms.includes(alg));
}
