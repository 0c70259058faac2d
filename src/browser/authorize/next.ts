import type { Code } from "../../errors/catalogue.js";

/**
 * The next step of an authorization: one pure function of the stored state. Every step (login, consent, another tab)
 * changes that state and returns here; no step knows another (OpenID Connect Core section 3.1.2).
 */

/** Everything that the decision depends on. Times are seconds since the epoch. */
interface AuthorizationState {
  readonly now: number;
  readonly request: {
    readonly scope: readonly string[];
    readonly prompt: readonly Prompt[];
    /** The maximum age of the login, in seconds. */
    readonly max_age?: number | undefined;
    /** The person that the client expects, as it knows them: from id_token_hint, or from `sub` in the claims parameter. */
    readonly expected_sub?: string | undefined;
  };
  readonly client: {
    /** People are not asked for consent to a first-party client (provisioned `consent: "implicit"`). */
    readonly consent: "explicit" | "implicit";
    /** Whether a consent is remembered. It is not for a public client, because anybody can claim to be one. */
    readonly remembers: boolean;
  };
  /** The person who is logged in in this browser, as the client knows them. */
  readonly session?: { readonly sub: string; readonly auth_time: number } | undefined;
  /** The scopes that this person allowed this client before. */
  readonly consented: readonly string[];
  /** The steps that this authorization has behind it. */
  readonly done: {
    /** Whether the person logged in during this authorization. */
    readonly login: boolean;
    /** The person's answer on the consent page. */
    readonly consent?: "allowed" | "denied" | undefined;
    /** Whether the person cancelled the login. */
    readonly cancelled: boolean;
  };
}

export const PROMPTS = ["none", "login", "consent", "select_account"] as const;
export type Prompt = (typeof PROMPTS)[number];

export type Next =
  | { readonly step: "login"; readonly selectAccount: boolean }
  | { readonly step: "consent" }
  | { readonly step: "issue" }
  | { readonly step: "refuse"; readonly code: Code & ("login_required" | "consent_required" | "access_denied") };

/** Decides the next step. */
export function next(state: AuthorizationState): Next {
  const silent = state.request.prompt.includes("none");
  if (state.done.cancelled || state.done.consent === "denied") return { step: "refuse", code: "access_denied" };
  if (needsLogin(state)) {
    // Another person than the expected one has logged in. To ask again would not help.
    if (silent || state.done.login) return { step: "refuse", code: "login_required" };
    return { step: "login", selectAccount: state.request.prompt.includes("select_account") };
  }
  if (needsConsent(state)) return silent ? { step: "refuse", code: "consent_required" } : { step: "consent" };
  return { step: "issue" };
}

function needsLogin({ now, request, session, done }: AuthorizationState): boolean {
  if (session === undefined) return true;
  if (request.expected_sub !== undefined && request.expected_sub !== session.sub) return true;
  if (done.login) return false;
  if (request.prompt.includes("login") || request.prompt.includes("select_account")) return true;
  return request.max_age !== undefined && now - session.auth_time >= request.max_age;
}

function needsConsent({ request, client, consented, done }: AuthorizationState): boolean {
  if (done.consent === "allowed") return false;
  if (request.prompt.includes("consent")) return true;
  if (client.consent === "implicit") return false;
  return !client.remembers || request.scope.some((name) => !consented.includes(name));
}
