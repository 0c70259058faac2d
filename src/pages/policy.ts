import { createHash } from "node:crypto";
import { isolated, type Html } from "./html.js";

/** Schemes that a form is never sent to: their URIs run as a script, or name no server and no app. */
const FORBIDDEN_SCHEMES: ReadonlySet<string> = new Set([
  "javascript:",
  "vbscript:",
  "data:",
  "blob:",
  "filesystem:",
  "about:",
  "file:",
]);

interface Permissions {
  readonly style: string;
  readonly script?: string;
  readonly formAction: readonly string[];
  /** Whether its script may load pages of this server. */
  readonly connects?: boolean | undefined;
  /** Origins of pages in frames; none by default. */
  readonly frames?: readonly string[];
}

/** The Content-Security-Policy of a page: it allows its own style and script, its icon, its frames and its form's targets. */
export function policyOf({ style, script, connects = false, formAction, frames = [] }: Permissions): string {
  return [
    "default-src 'none'",
    `style-src '${style}'`,
    ...(script === undefined ? [] : [`script-src '${script}'`]),
    ...(connects ? ["connect-src 'self'"] : []),
    "img-src data:",
    ...(frames.length === 0 ? [] : [`frame-src ${frames.map(sourceOf).join(" ")}`]),
    `form-action ${formAction.map(sourceOf).join(" ") || "'none'"}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}

/**
 * A policy cannot name an IPv6 address (CSP3 section 2.3.1), and browsers ignore one. So an app that listens on [::1]
 * is named by its port alone.
 */
function sourceOf(target: string): string {
  return target.replace(/\[.*\]/, "*");
}

/** A policy names an inline element by the digest of the exact text between its tags (CSP3 section 2.3.1). */
export function digestOf(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

/** The form-action source for a redirect URI: its origin, or else its scheme. Undefined for a malformed URI. */
export function formTarget(redirectUri: string): string | undefined {
  if (!URL.canParse(redirectUri)) return undefined;
  const { protocol, origin } = new URL(redirectUri);
  return protocol === "http:" || protocol === "https:" ? origin : protocol;
}

/** The form-action sources for several redirect URIs, in their order. */
export function formTargets(redirectUris: readonly string[]): readonly string[] {
  return onlyTargets(redirectUris.flatMap((uri) => formTarget(uri) ?? []));
}

/** A target as people see it. It is not cut like a name, because the end of a host name tells whose it is. */
export function targetName(target: string): Html {
  return isolated(target, { maxLength: 300 });
}

/** The targets that a policy can contain, each once. Only origins and schemes are kept, so no directive is injected. */
export function onlyTargets(targets: readonly string[]): readonly string[] {
  return [...new Set(targets.map((target) => target.toLowerCase()).filter(isTarget))];
}

function isTarget(target: string): boolean {
  // http: or https: alone would allow every host.
  if (/^[a-z][a-z0-9+.-]*:$/.test(target)) return !/^https?:$/.test(target) && !FORBIDDEN_SCHEMES.has(target);
  return /^https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/.test(target);
}
