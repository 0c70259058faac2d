import { z } from "zod";
import { isConfidential } from "../../clients/methods.js";
import type { Client, Scope } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { authorizationCodeGrant } from "../../grants/authorization-code.js";
import { permit } from "../../grants/permit.js";
import { allowedScope, readScope } from "../../grants/scope.js";
import type { AuditFacts } from "../../http/decision.js";
import { withoutRepetition, type Form } from "../../http/form.js";
import { optional, readParameters } from "../../http/parameters.js";
import { describeScope } from "../../tokens/claims.js";
import { readIdTokenHint } from "../../tokens/id-token.js";
import { readClaimsParameter, type ClaimsParameter } from "./claims-parameter.js";
import { PROMPTS, type Prompt } from "./next.js";
import { isRegistered } from "../../clients/redirect-uri.js";

/**
 * Reading an authorization request, in two stages. Until the client and its redirect URI are known to belong together,
 * what is wrong is said on a page of our own; from then on it is said to the client (RFC 6749 section 4.1.2.1).
 */

/** How an answer may travel (OAuth 2.0 Multiple Response Types, Form Post Response Mode). */
export const RESPONSE_MODES = ["query", "form_post"] as const;

/** Where the answer goes. */
export interface AnswerTarget {
  readonly redirect_uri: string;
  readonly response_mode: (typeof RESPONSE_MODES)[number];
  /**
   * Every address that a form of ours may end at: the redirect URI first, then the client's other ones, because a callback
   * may send people on to its front end and browsers hold the whole chain to the form's policy (CSP form-action).
   */
  readonly leads_to: readonly string[];
  readonly state?: string;
}

const target = z.object({ client_id: optional, redirect_uri: optional });

/** Whom the request is from. @throws Refusal for a client or a redirect URI that nobody may be sent to */
export async function readClient(
  { registry }: Core,
  form: Form,
  dialect: string,
): Promise<{ client: Client; redirect_uri: string }> {
  const repeated = ["client_id", "redirect_uri"].find((name) => form.repeated.has(name));
  if (repeated !== undefined) throw new Refusal("parameter_repeated", { slots: { name: repeated } });
  const { client_id, redirect_uri } = readParameters(target, form.parameters);
  const client = client_id === undefined ? null : await registry.find(client_id);
  if (client === null || client.disabled || !client.dialects.includes(dialect)) throw new Refusal("client_unknown");
  if (redirect_uri === undefined) return { client, redirect_uri: onlyRedirectUri(client, form) };
  if (!isRegistered(redirect_uri, client.redirect_uris)) throw new Refusal("redirect_uri_unknown");
  return { client, redirect_uri };
}

/** The one it has, where it may be left out: never with openid (OpenID Connect Core section 3.1.2.1). */
function onlyRedirectUri({ redirect_uris }: Client, { parameters }: Form): string {
  const [only, another] = redirect_uris;
  const openid = readScope(parameters.get("scope")).includes("openid");
  if (only === undefined || another !== undefined || openid) throw new Refusal("redirect_uri_missing");
  return only;
}

/** A posted state may be longer than any address; one that came in an address goes back in one. */
const MAX_STATE_LENGTH = 16_384;
const returnable = optional.refine(
  (state) => state === undefined || encodeURIComponent(state).length <= MAX_STATE_LENGTH,
);

/** Where the answer goes; readable whatever else is wrong with the request. */
export function readTarget(client: Client, redirect_uri: string, { parameters, repeated }: Form): AnswerTarget {
  // One that cannot be sent back is refused below.
  const { success, data } = returnable.safeParse(parameters.get("state"));
  const state = success && !repeated.has("state") ? data : undefined;
  const formPost = parameters.get("response_mode") === "form_post" && !repeated.has("response_mode");
  return {
    redirect_uri,
    response_mode: formPost ? "form_post" : "query",
    leads_to: [redirect_uri, ...client.web_origins, ...client.redirect_uris],
    ...(state === undefined ? {} : { state }),
  };
}

/** RFC 7636 section 4.2: base64url of a SHA-256. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;

const request = z.object({
  response_type: z.string({ error: (issue) => (issue.input === undefined ? "response_type_missing" : undefined) }),
  response_mode: z.enum(RESPONSE_MODES).optional(),
  state: returnable,
  scope: optional,
  nonce: optional,
  prompt: z
    .string()
    // Checked as a whole: what is malformed is the parameter, not the second word of it.
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
});

/** The parameters of an authorization request; whatever else is sent is not read, and gets into no address. */
export const REQUEST_PARAMETERS: ReadonlySet<string> = new Set([
  ...Object.keys(target.shape),
  ...Object.keys(request.shape),
]);

/** Languages in which claims may be asked for at once. */
const MAX_LOCALES = 8;

/** A request that may be acted on, as it is stored until it is answered. */
export interface AuthorizationRequest extends AnswerTarget {
  readonly client_id: string;
  readonly dialect: string;
  /** Whether the request named its redirect URI, so that the exchange must too (RFC 6749 section 4.1.3). */
  readonly redirect_uri_given: boolean;
  readonly scope: readonly string[];
  /** What the person is asked for: the scope, and the scopes behind claims that are asked for by name. */
  readonly consent_scope: readonly string[];
  readonly prompt: readonly Prompt[];
  readonly nonce?: string;
  readonly max_age?: number;
  readonly login_hint?: string;
  readonly ui_locales?: string;
  readonly claims_locales: readonly string[];
  readonly code_challenge?: string;
  readonly expected_sub?: string;
  readonly id_token_claims: readonly string[];
  readonly userinfo_claims: readonly string[];
  /** Whether the id_token says how the person was authenticated. */
  readonly wants_acr: boolean;
}

/** What the request asks for. @throws Refusal that the client is told */
export async function readRequest(
  core: Core,
  form: Form,
  asked: { readonly client: Client; readonly answer: AnswerTarget; readonly dialect: string },
  facts: AuditFacts,
): Promise<AuthorizationRequest> {
  const { client, answer, dialect } = asked;
  const { parameters } = form;
  withoutRepetition(form);
  refuseUnsupported(parameters);
  const typed = readParameters(request, parameters);
  if (typed.response_type !== "code") {
    throw new Refusal("response_type_unsupported", { slots: { response_type: typed.response_type } });
  }
  permit(client, authorizationCodeGrant, "authorization_code");
  const scope = allowedScope(readScope(typed.scope), client);
  const claims = readClaimsParameter(typed.claims);
  if (claims.impossible) throw new Refusal("login_required", { reason: "an essential acr cannot be had" });
  const { hint, flaw } = await readIdTokenHint(core, typed.id_token_hint, client.client_id);
  facts.hint_flaw = flaw;
  const expected_sub = hint?.sub ?? claims.sub;
  if (claims.sub !== undefined && claims.sub !== expected_sub) {
    throw new Refusal("login_required", { reason: "id_token_hint and claims name two people" });
  }
  return {
    ...answer,
    ...pick(typed, ["nonce", "max_age", "login_hint", "ui_locales"]),
    ...(expected_sub === undefined ? {} : { expected_sub }),
    ...readChallenge(client, typed),
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

function refuseUnsupported(parameters: Form["parameters"]): void {
  if (parameters.has("request")) throw new Refusal("request_object_unsupported");
  if (parameters.has("request_uri")) throw new Refusal("request_uri_unsupported");
  if (parameters.has("registration")) throw new Refusal("registration_unsupported");
}

/** The registered scopes that would release what is asked for by name: nobody gets by a name what was not allowed. */
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

/** PKCE: S256 or nothing, and not nothing for who cannot prove who it is (RFC 9700 section 2.1.1). */
function readChallenge(
  client: Client,
  { code_challenge, code_challenge_method }: z.infer<typeof request>,
): { code_challenge?: string } {
  if (code_challenge !== undefined || code_challenge_method !== undefined) {
    if (code_challenge === undefined) throw new Refusal("code_challenge_missing");
    if (code_challenge_method !== "S256") throw new Refusal("code_challenge_method_unsupported");
    return { code_challenge };
  }
  if (client.require_pkce || !isConfidential(client)) throw new Refusal("code_challenge_missing");
  return {};
}

/** The named members that are there. */
function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): { [N in K]?: NonNullable<T[N]> } {
  return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]])) as {
    [N in K]?: NonNullable<T[N]>;
  };
}
