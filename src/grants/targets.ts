import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";

/** Resource indicators (RFC 8707): a client names the resource servers that a token is for. */

/** The resource servers of a request, by their declared audiences. */
export interface Targets {
  readonly audiences: ReadonlySet<string>;
  /** Whether a scope is for one of them, or has no audience. */
  readonly isFor: (scope: string) => boolean;
  /** The audience of a scope; that of a scope without one is this server. */
  readonly audienceOf: (scope: string) => string;
}

/**
 * Reads the resources of a request (section 2). Each is an audience of a scope that the client is registered for.
 * @param text URIs with a space between them, as http/form.ts joins them
 * @returns undefined if the request names none
 * @throws Refusal target_unknown
 */
export async function readTargets(
  { registry, issuer }: Core,
  client: Client,
  text: string | undefined,
): Promise<Targets | undefined> {
  return text === undefined ? undefined : targetsAmong(await registry.scopes(), issuer, client, text);
}

/** The declared scopes by their names, as far as their audiences matter. */
export type AudiencesOfScopes = ReadonlyMap<string, { readonly audience: string | null }>;

/** The same, for the declared scopes. @throws Refusal target_unknown */
export function targetsAmong(declared: AudiencesOfScopes, issuer: string, client: Client, text: string): Targets {
  const audienceOf = (scope: string) => declared.get(scope)?.audience ?? issuer;
  const own = [...new Set(client.scope.map(audienceOf))];
  const named = text.split(" ").map((uri) => {
    const audience = audienceNamed(uri, own);
    if (audience === undefined || !isResource(uri)) throw new Refusal("target_unknown");
    return audience;
  });
  const audiences = new Set(named);
  const isFor = (scope: string) => audienceOf(scope) === issuer || audiences.has(audienceOf(scope));
  return { audiences, isFor, audienceOf };
}

/** The audience that a URI means; undefined if it is none of these. */
export function audienceNamed(uri: string, audiences: readonly string[]): string | undefined {
  if (audiences.includes(uri)) return uri;
  const named = comparable(uri);
  return audiences.find((audience) => comparable(audience) === named);
}

/** An absolute URI without a fragment (section 2). */
function isResource(uri: string): boolean {
  return URL.canParse(uri) && !uri.includes("#");
}

/**
 * Libraries that parse a URI write `https://api.example` as `https://api.example/`, which is the same address (RFC 3986
 * section 6.2.3). A name that is no URI is compared as it is.
 */
function comparable(audience: string): string {
  return URL.canParse(audience) ? new URL(audience).href : audience;
}

/**
 * The scopes of a token for the named resource servers: their scopes, and those without an audience.
 * @throws Refusal target_unknown if one of the servers has none of these scopes
 */
export function scopeFor(targets: Targets | undefined, scope: readonly string[]): readonly string[] {
  if (targets === undefined) return scope;
  const kept = scope.filter(targets.isFor);
  requireScopes(targets, kept);
  return kept;
}

/** @throws Refusal target_unknown if one of the named resource servers has none of these scopes */
export function requireScopes(targets: Targets | undefined, scope: readonly string[]): void {
  if (targets === undefined) return;
  const covered = new Set(scope.map(targets.audienceOf));
  if ([...targets.audiences].some((one) => !covered.has(one)))
    throw new Refusal("target_unknown", { reason: "no scope is for it" });
}
