import { z } from "zod";
import { methodNames } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import type { GrantLineage } from "../store/grant-lineage.js";
import type { knownTokens } from "../store/grant-tokens.js";
import { SESSION_STATES } from "../store/session-list.js";

/** What a grant came from, and what came from it, as `grant show` describes it. */

/** The members that `grant show` has beside those of a grant in a list. */
export const LINEAGE = {
  client_name: z.string().optional(),
  client_authentication: z.array(z.string()).meta({ description: "how its client proves who it is" }),
  bound_to: z.array(z.enum(["certificate", "dpop_key"])).meta({
    description: "keys of the client that its tokens have to be bound to; a bound token names the key itself",
  }),
  login: z.object({ auth_time: z.iso.datetime(), amr: z.array(z.string()), acr: z.string().optional() }),
  consent: z.object({ scope: z.string(), given_at: z.iso.datetime() }).optional(),
  session: z.object({ sid: z.string(), state: z.enum([...SESSION_STATES, "deleted"]) }).optional(),
  code: z
    .object({
      kind: z.enum(["authorization_code", "device_code"]),
      expires_at: z.iso.datetime(),
      redirect_uri: z.string().optional(),
      pkce: z.boolean(),
      uses: z.int().meta({ description: "a second use ends the grant" }),
    })
    .optional(),
  refresh_tokens: z.object({
    generation: z.int().meta({ description: "generation of the only one in force, if the grant is" }),
    superseded_at: z.array(z.iso.datetime()).meta({ description: "when the last generations were, the latest last" }),
    repeated: z.int().meta({ description: "how often the generation before was sent again since then" }),
    idle_expires_at: z.iso.datetime(),
    absolute_expires_at: z.iso.datetime(),
  }),
  access_tokens: z.object({
    known: z
      .array(z.object({ jti: z.string(), issued_at: z.iso.datetime(), decision_id: z.string(), revoked: z.boolean() }))
      .meta({ description: "those whose decision is kept, the latest first; revoked: each by itself" }),
    last_issued_at: z.iso.datetime().optional(),
    expired_by: z.iso.datetime().optional().meta({
      description:
        "when the last one has expired; resource servers that introspect refuse all once the grant has ended",
    }),
  }),
};

type Known = Awaited<ReturnType<typeof knownTokens>>;

export function describeLineage(grant: GrantLineage, client: Client | null, known: Known) {
  return {
    client_name: grant.client_name ?? undefined,
    client_authentication: client === null ? [] : [...methodNames(client)],
    bound_to: client === null ? [] : boundTo(client),
    login: { auth_time: grant.auth_time, amr: [...grant.amr], acr: grant.acr ?? undefined },
    consent: consentOf(grant),
    session: sessionOf(grant),
    code: codeOf(grant),
    refresh_tokens: {
      generation: grant.generation,
      superseded_at: [...grant.rotations],
      repeated: grant.retries,
      idle_expires_at: grant.idle_expires_at,
      absolute_expires_at: grant.absolute_expires_at,
    },
    access_tokens: {
      known: known.map(({ is_revoked, ...token }) => ({ ...token, revoked: is_revoked })),
      ...accessTokensOf(grant),
    },
  };
}

function boundTo(client: Client) {
  return [
    ...(client.tls_client_certificate_bound_access_tokens ? (["certificate"] as const) : []),
    ...(client.dpop_bound_access_tokens ? (["dpop_key"] as const) : []),
  ];
}

function consentOf({ consent_scope, consent_given_at }: GrantLineage) {
  if (consent_scope === null || consent_given_at === null) return undefined;
  return { scope: consent_scope.join(" "), given_at: consent_given_at };
}

function sessionOf({ sid, session_state }: GrantLineage) {
  return sid === null ? undefined : { sid, state: session_state ?? ("deleted" as const) };
}

/** A grant without a redirect URI is that of a device. */
function codeOf({ code_expires_at, code_uses, has_challenge, redirect_uri }: GrantLineage) {
  if (code_expires_at === null) return undefined;
  const kind = redirect_uri === null ? ("device_code" as const) : ("authorization_code" as const);
  return {
    kind,
    expires_at: code_expires_at,
    redirect_uri: redirect_uri ?? undefined,
    pkce: has_challenge,
    uses: code_uses,
  };
}

/**
 * Access tokens have no rows. The last one came with the last refresh: each moves the time of the refresh token ahead by its
 * lifetime. If that setting has been changed since, the last rotation tells.
 */
function accessTokensOf(grant: GrantLineage) {
  if (grant.code_expires_at !== null && grant.code_uses === 0) return {};
  const refreshed = grant.idle_expires_at.getTime() - grant.refresh_token_lifetime * 1_000;
  const times = [grant.created_at.getTime(), refreshed, ...grant.rotations.map((one) => one.getTime())];
  const last = Math.max(...times);
  return { last_issued_at: new Date(last), expired_by: new Date(last + grant.access_token_lifetime * 1_000) };
}
