import { z } from "zod";
import { isConfidential } from "../../clients/methods.js";
import type { Client, Scope } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { authorizationCodeGrant } from "../../grants/authorization-code.js";
import { permit } from "../../grants/permit.js";
import { applicableScope, readScope } from "../../grants/scope.js";
import { readTargets, scopeFor } from "../../grants/targets.js";
import type { AuditFacts } from "../../http/decision.js";
import { withoutRepetition, type Form } from "../../http/form.js";
import { optional, readParameters } from "../../http/parameters.js";
import { describeScope } from "../../tokens/claims.js";
import { readIdTokenHint } from "../../tokens/id-token.js";
import { readClaimsParameter, type ClaimsParameter } from "./claims-parameter.js";
import { PROMPTS, type Prompt } from "./next.js";
import { RESPONSE_MODES, returnable, TARGET_PARAMETERS, type AnswerTarget } from "./target.js";

/**
 * Reads the second stage of an authorization request, whose errors are sent to the client (RFC 6749 section 4.1.2.1). The first
 * one is in target.ts.
 */

/** RFC 7636 section 4.2: base64url of a SHA-256. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

/** RFC 7638: the same of a JWK. */
const THUMBPRINT = CHALLENGE;

const request = z.object({
  response_type: z.string({ error: (issue) => (issue.input === undefined ? "response_type_missing" : undefined) }),
  response_mode: z.enum(RESPONSE_MODES).optional(),
  state: returnable,
  scope: optional,
  resource: optional,
  nonce: optional,
  prompt: z
    .string()
    // The words are checked together, so that the error names the parameter and not the position of a word.
    .transform((text) => text.split(" ").filter((one) => one !== "") as Prompt[])
    .refine((prompts) => prompts.every((one) => PROMPTS.includes(one)))
    .refine((prompts) => !prompts.includes("none") || prompts.length === 1)
    .default([]),
  max_age: z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .optional(),
  display: z.enum(["page", "popup", "touch", "wap"]).optional(),
  login_hint: optional,
  id_token_hint: optional,
  ui_locales: optional,
  claims_locales: optional,
  acr_values: optional,
  claims: optional,
  code_challenge: z.string().regex(CHALLENGE).optional(),
  code_challenge_method: optional,
  dpop_jkt: z.string().regex(THUMBPRINT).optional(),
});

/** The parameters of an authorization request. Any other parameter is ignored, and copied into no address. */
export const REQUEST_PARAMETERS: ReadonlySet<string> = new Set([...TARGET_PARAMETERS, ...Object.keys(request.shape)]);

/** Limit of the languages in claims_locales; further ones are ignored. */
const MAX_LOCALES = 8;

/** A valid request, as it is stored until it is answered. */
export interface AuthorizationRequest extends AnswerTarget {
  readonly client_id: string;
  readonly dialect: string;
  /** Whether the request contained its redirect URI. If so, the token request must too (RFC 6749 section 4.1.3). */
  readonly redirect_uri_given: boolean;
  readonly scope: readonly string[];
  /** The scopes that the person consents to: the requested ones, and those of claims that are requested by name. */
  readonly consent_scope: readonly string[];
  readonly prompt: readonly Prompt[];
  readonly nonce: string | undefined;
  readonly max_age: number | undefined;
  readonly login_hint: string | undefined;
  readonly ui_locales: string | undefined;
  readonly claims_locales: readonly string[];
  readonly code_challenge: string | undefined;
  /** The thumbprint of the DPoP key that the code is bound to (RFC 9449 section 10). */
  readonly dpop_jkt: string | undefined;
  readonly expected_sub: string | undefined;
  readonly id_token_claims: readonly string[];
  readonly userinfo_claims: readonly string[];
  /** Whether the id_token contains `acr`. */
  readonly wants_acr: boolean;
}

/** Reads the second stage of a request. @throws Refusal that is sent to the client */
export async function readRequest(
  core: Core,
  form: Form,
  asked: { readonly client: Client; readonly answer: AnswerTarget; readonly dialect: string },
  facts: AuditFacts,
): Promise<AuthorizationRequest> {
  const { client, answer, dialect } = asked;
  const { parameters } = form;
  withoutRepetition(form);
  if (parameters.has("registration")) throw new Refusal("registration_unsupported");
  const typed = readParameters(request, parameters);
  if (typed.response_type !== "code") {
    throw new Refusal("response_type_unsupported", { slots: { response_type: typed.response_type } });
  }
  permit(client, authorizationCodeGrant, "authorization_code");
  const named = readScope(typed.scope);
  facts.names_scope = named.length > 0;
  facts.scope_named = named.filter((name) => client.scope.includes(name));
  facts.scope_beyond = named.filter((name) => !client.scope.includes(name));
  facts.resource_named = typed.resource;
  const targets = await readTargets(core, client, typed.resource);
  const scope = scopeFor(targets, applicableScope(named, client));
  const claims = readClaimsParameter(typed.claims);
  if (claims.impossible) throw new Refusal("login_required", { reason: "the essential acr is not supported" });
  const { hint, flaw } = await readIdTokenHint(core, typed.id_token_hint, client.client_id);
  facts.hint_flaw = flaw;
  const expected_sub = hint?.sub ?? claims.sub;
  if (claims.sub !== undefined && claims.sub !== expected_sub) {
    throw new Refusal("login_required", { reason: "id_token_hint and claims name two people" });
  }
  return {
    ...answer,
    nonce: typed.nonce,
    max_age: typed.max_age,
    login_hint: typed.login_hint,
    ui_locales: typed.ui_locales,
    expected_sub,
    code_challenge: readChallenge(client, typed),
    dpop_jkt: typed.dpop_jkt,
    client_id: client.client_id,
    dialect,
    redirect_uri_given: parameters.has("redirect_uri"),
    scope,
    consent_scope: [...new Set([...scope, ...scopesBehind(claims, client, await core.registry.scopes())])],
    prompt: typed.prompt,
    claims_locales: [...new Set((typed.claims_locales ?? "").split(" "))]
      .filter((one) => one !== "")
      .slice(0, MAX_LOCALES),
    id_token_claims: claims.id_token,
    userinfo_claims: claims.userinfo,
    wants_acr: typed.acr_values !== undefined || claims.id_token.includes("acr"),
  };
}

/** The registered scopes that contain the requested claims. Asking by name gets a client no claim beyond its scopes. */
function scopesBehind(
  { id_token, userinfo }: ClaimsParameter,
  { scope }: Client,
  declared: ReadonlyMap<string, Scope>,
): readonly string[] {
  const names = new Set([...id_token, ...userinfo]);
  return scope.filter((one) =>
    describeScope(one, declared).claims.some((claim) => names.has(claim) && claim !== "sub"),
  );
}

/** The PKCE challenge. S256 is the only method, and a public client must use it (RFC 9700 section 2.1.1). */
function readChallenge(
  client: Client,
  { code_challenge, code_challenge_method }: z.infer<typeof request>,
): string | undefined {
  if (code_challenge !== undefined || code_challenge_method !== undefined) {
    if (code_challenge === undefined) throw new Refusal("code_challenge_missing");
    if (code_challenge_method !== "S256") throw new Refusal("code_challenge_method_unsupported");
    return code_challenge;
  }
  requireChallenge(client);
  return undefined;
}

/** @throws Refusal code_challenge_missing for a client that must use PKCE */
export function requireChallenge(client: Client): void {
  if (client.require_pkce || !isConfidential(client)) throw new Refusal("code_challenge_missing");
}
