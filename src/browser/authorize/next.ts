import type { Code } from "../../errors/catalogue.js";

/**
 * What comes next in an authorization: one pure function of what is stored. Every step (login, consent, another tab)
 * changes the stored state and comes back here; no step knows another (OpenID Connect Core section 3.1.2).
 */

/** Everything that decides, and nothing else. Times are seconds since the epoch. */
export interface AuthorizationState {
  readonly now: number;
  readonly request: {
    readonly scope: readonly string[];
    readonly prompt: readonly Prompt[];
    /** Seconds the login may be old. */
    readonly max_age?: number;
    /** The person the client expects: from id_token_hint, or a `sub` asked for in the claims parameter. */
    readonly expected_sub?: string;
  };
  readonly client: {
    /** A first-party client is not asked about (provisioned `consent: "implicit"`). */
    readonly consent: "explicit" | "implicit";
    /** Whether a remembered consent may stand in for asking: not where anybody can claim to be the client. */
    readonly remembers: boolean;
  };
  /** Who is logged in in this browser. */
  readonly session?: { readonly sub: string; readonly auth_time: number };
  /** What this person allowed this client before. */
  readonly consented: readonly string[];
  /** What happened in this authorization so far. */
  readonly done: {
    /** The person logged in within it. */
    readonly login: boolean;
    /** The person was asked, and said so. */
    readonly consent?: "allowed" | "denied";
    /** The person went away from the login form. */
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
    // Whoever logged in is not the person that was expected: nobody is switched silently, and asking again would not help.
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
