import type { FastifyPluginAsync } from "fastify";
import type { z } from "zod";
import type { Confirmation } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import type { AuditFacts } from "../http/decision.js";
import type { Person } from "../store/users.js";
import type { RequestingPartyTerms } from "../tokens/access-token.js";
import type { RefreshTokenName } from "../tokens/refresh-token.js";
import type { RequestSpelling } from "./spelling.js";

/** What a grant decides on, once its parameters are read and its client is known and allowed to use it. */
export interface GrantContext {
  readonly core: Core;
  readonly client: Client;
  /** What its access tokens are bound to. */
  readonly confirmation: Confirmation | undefined;
  /** The certificate that was shown with the request, as `x5t#S256` has it. */
  readonly certificate: string | undefined;
  readonly spelling: RequestSpelling;
  readonly issuance: Issuance;
  /** Where the request came from, as limits count it (http/network.ts). */
  readonly network: string;
  readonly facts: AuditFacts;
  /** What the decision is known by: in the log line, in the answer and in what is on record of it. */
  readonly decision_id: string;
}

/** What an operation settles for a token request beyond the settings of its client. */
export interface Issuance {
  /** Seconds the access token lives, in place of the client's setting. */
  readonly access_token_lifetime?: number;
  /** Whether access and refresh token are one pair: a refresh ends both old ones, and no answer is given twice. */
  readonly pairs?: true;
}

/** How a person came to be known. */
export interface Login {
  /** Seconds since the epoch. */
  readonly auth_time: number;
  /** RFC 8176. */
  readonly amr: readonly string[];
  readonly acr?: string | null;
  readonly nonce?: string | null;
  /** The browser session, where there was one. */
  readonly sid?: string | null;
}

/** What a grant decided: who gets what. Issuing it is the same for all of them (exchange.ts). */
export interface Entitlement {
  readonly scope: readonly string[];
  /** The person; a client acting for itself has none. */
  readonly user?: Person;
  /** When and how that person logged in. */
  readonly login?: Login;
  /** Claims asked for by name for the id_token, and their languages. */
  readonly claims?: { readonly names: readonly string[]; readonly locales: readonly string[] };
  /** The grant it belongs to and the refresh token it goes on with, where there is one already. */
  readonly grant?: RefreshTokenName;
  /** Of a device: how many renewals in a row this makes. */
  readonly renewals?: number;
  /** What a requesting party token says, and what the client is told beside it. */
  readonly rpt?: RequestingPartyTerms & RequestingPartyNews;
}

/** What is told beside a requesting party token (UMA 2.0 Grant section 3.3.5). */
export interface RequestingPartyNews {
  /** Whether it holds what the one held that the client sent. */
  readonly upgraded: boolean;
  /** What the client may show next time instead of the claims. */
  readonly pct?: string;
}

/** One grant type: its parameters, the clients that may use it, and its decision. */
export interface GrantHandler<P = unknown> {
  /** The values of grant_type it answers to. */
  readonly types: readonly [string, ...string[]];
  /** Its parameters; what fails first, in the schema's order, is the refusal. */
  readonly schema: z.ZodType<P>;
  /** What it answers with: a client that declares its response_types must list these (RFC 7591 section 2). */
  readonly responseTypes: readonly string[];
  /** Whether only a client that can prove who it is may use it (RFC 6749 section 4.4). */
  readonly confidentialOnly?: boolean;
  decide(parameters: P, context: GrantContext): Promise<Entitlement>;
}

/** A grant handler as a Fastify plugin; its grant types are known before any server is built. */
export type GrantPlugin = FastifyPluginAsync & Pick<GrantHandler, "types" | "responseTypes">;

/** Makes a plugin that adds a handler to the registry. */
export function grantPlugin<P>(handler: GrantHandler<P>): GrantPlugin {
  const { types, responseTypes } = handler;
  const plugin: FastifyPluginAsync = async (app) => app.grants.add(handler);
  return Object.assign(plugin, { types, responseTypes });
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
