import type { FastifyPluginAsync } from "fastify";
import type { z } from "zod";
import type { Confirmation } from "../clients/confirmation.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { AuditFacts } from "../http/decision.js";
import type { Person } from "../store/users.js";
import type { RequestingPartyTerms } from "../tokens/access-token.js";
import type { ExchangedTerms } from "../tokens/exchanged.js";
import type { RefreshTokenName } from "../tokens/refresh-token.js";
import type { RequestSpelling } from "./spelling.js";
import type { Targets } from "./targets.js";

/** The input of a grant's decision, besides its parameters. The client is authenticated and may use the grant. */
export interface GrantContext {
  readonly core: Core;
  readonly client: Client;
  /** The keys that its access tokens are bound to. */
  readonly confirmation: Confirmation | undefined;
  /** The keys that the request shows. */
  readonly shown: Confirmation;
  /** The accepted audiences of assertions (RFC 7523 section 3). */
  readonly assertionAudiences: readonly string[];
  /** The resource servers that the request names (RFC 8707). */
  readonly targets?: Targets | undefined;
  readonly spelling: RequestSpelling;
  readonly issuance: Issuance;
  /** The network of the request, as the rate limits count it (http/network.ts). */
  readonly network: string;
  readonly facts: AuditFacts;
  /** The id of the decision in the audit line, in the response and in the store. */
  readonly decision_id: string;
}

/** The terms that an operation adds to the settings of the client. */
export interface Issuance {
  /** The lifetime of the access token in seconds; overrides the client's setting. */
  readonly access_token_lifetime?: number;
  /** Whether access and refresh token are a pair: a refresh ends both old tokens, and a lost answer is not repeated. */
  readonly pairs?: true;
}

/** How a person logged in. */
interface Login {
  /** Seconds since the epoch. */
  readonly auth_time: number;
  /** RFC 8176. */
  readonly amr: readonly string[];
  readonly acr?: string | null;
  readonly nonce?: string | null;
  /** The browser session, if there was one. */
  readonly sid?: string | null;
}

/** The decision of a grant. Issuing the tokens is the same for all grants (issue.ts). */
export interface Entitlement {
  readonly scope: readonly string[];
  /** The person; absent where a client acts for itself. */
  readonly user?: Person;
  /** When and how that person logged in. */
  readonly login?: Login;
  /** Claims that were requested by name for the id_token, and their languages. */
  readonly claims?: { readonly names: readonly string[]; readonly locales: readonly string[] };
  /** The stored grant and the generation of its refresh token, if the grant exists already. */
  readonly grant?: RefreshTokenName;
  /** The number of renewals in a row of a device's token. */
  readonly renewals?: number;
  /** The content of a requesting party token, and the members beside it in the response. */
  readonly rpt?: RequestingPartyTerms & RequestingPartyNews;
  /** The latest expiry of the access token, in seconds since the epoch. */
  readonly latest_exp?: number;
  /** The content of an exchanged token, and the type of it that the client asked for (RFC 8693 section 2.2.1). */
  readonly exchanged?: ExchangedTerms & { readonly issued_token_type: string };
}

/** The members beside a requesting party token in the response (UMA 2.0 Grant section 3.3.5). */
export interface RequestingPartyNews {
  /** Whether it has all permissions of the token that the client sent. */
  readonly upgraded: boolean;
  /** A persisted claims token, which the client may send next time instead of the claims. */
  readonly pct?: string;
}

/** One grant type: its parameters, the clients that may use it, and its decision. */
export interface GrantHandler<P = unknown> {
  /** Its values of grant_type. */
  readonly types: readonly [string, ...string[]];
  /** Its parameters. The first rule that fails, in the order of the schema, is the refusal. */
  readonly schema: z.ZodType<P>;
  /** A client that declares response_types must list these (RFC 7591 section 2). */
  readonly responseTypes: readonly string[];
  /** Whether public clients may not use it (RFC 6749 section 4.4). */
  readonly confidentialOnly?: boolean;
  decide(parameters: P, context: GrantContext): Promise<Entitlement>;
}

/** A grant handler as a Fastify plugin; its grant types are known before any server is built. */
export type GrantPlugin = FastifyPluginAsync & Pick<GrantHandler, "types" | "responseTypes" | "confidentialOnly">;

/** Makes a plugin that adds a handler to the registry. */
export function grantPlugin<P>(handler: GrantHandler<P>): GrantPlugin {
  const { types, responseTypes, confidentialOnly = false } = handler;
  const plugin: FastifyPluginAsync = async (app) => app.grants.add(handler);
  return Object.assign(plugin, { types, responseTypes, confidentialOnly });
}

/** The registered grant handlers; the token endpoint of every dialect looks one up here. */
export class GrantRegistry {
  readonly #byType = new Map<string, GrantHandler>();

  add<P>(grant: GrantHandler<P>): void {
    for (const type of grant.types) this.#byType.set(type, grant);
  }

  find(grant_type: string): GrantHandler | undefined {
    return this.#byType.get(grant_type);
  }

  get types(): readonly string[] {
    return [...this.#byType.keys()];
  }
}

declare module "fastify" {
  interface FastifyInstance {
    grants: GrantRegistry;
  }
}
