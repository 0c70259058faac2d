import { createHash } from "node:crypto";
import { isolated, type Html } from "./html.js";

/** Schemes a page must never be allowed to send its form to: what they name runs, or is no place. */
const NO_PLACE: ReadonlySet<string> = new Set([
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
}

/** The Content-Security-Policy of a page: its own style, its own script if any, the icon in it, and where its form goes. */
export function policyOf({ style, script, formAction }: Permissions): string {
  return [
    "default-src 'none'",
    `style-src '${style}'`,
    ...(script === undefined ? [] : [`script-src '${script}'`]),
    "img-src data:",
    `form-action ${formAction.map(sourceOf).join(" ") || "'none'"}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; ");
}

/**
 * A policy has no word for an IPv6 address (CSP3 section 2.3.1), and a browser would drop it: an app that listens on [::1]
 * is named by its port alone.
 */
function sourceOf(target: string): string {
  return target.replace(/\[.*\]/, "*");
}

/** How a policy names an inline element: by the digest of exactly what stands between its tags (CSP3 section 2.3.1). */
export function digestOf(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

/**
 * What form-action must name for a form that ends at this redirect URI: its origin, or its scheme where it has none.
 * Undefined for what is no URI.
 */
export function formTarget(redirectUri: string): string | undefined {
  if (!URL.canParse(redirectUri)) return undefined;
  const { protocol, origin } = new URL(redirectUri);
  return protocol === "http:" || protocol === "https:" ? origin : protocol;
}

/** The targets of several redirect URIs, in their order. */
export function formTargets(redirectUris: readonly string[]): readonly string[] {
  return redirectUris.flatMap((uri) => formTarget(uri) ?? []);
}

/** A target for people, shown whole: where the name of a host is cut, what it ends with, and so whose it is, is gone. */
export function targetName(target: string): Html {
  return isolated(target, { maxLength: 300 });
}

/** The targets that can stand in a policy, each once. What is no origin and no scheme is left out: no directive gets in. */
export function onlyTargets(targets: readonly string[]): readonly string[] {
  return [...new Set(targets.map((target) => target.toLowerCase()).filter(isTarget))];
}

function isTarget(target: string): boolean {
  // http(s) only with a host: alone it would be everybody
  if (/^[a-z][a-z0-9+.-]*:$/.test(target)) return !/^https?:$/.test(target) && !NO_PLACE.has(target);
  return /^https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/.test(target);
}
