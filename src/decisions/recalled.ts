import { z } from "zod";
import { isCode } from "../errors/catalogue.js";
import { isPlainWord } from "../errors/slots.js";
import { audienceNamed, type AudiencesOfScopes } from "../grants/targets.js";
import type { AuditFacts } from "../http/decision.js";
import type { KeptDecision } from "../store/decisions.js";
import { checkOf } from "./checks.js";

/** What deciding again needs beside the fields of the log line. It holds names that the server knows, and nothing else. */
const again = z.object({
  client_epoch: z.int().optional(),
  user_epoch: z.int().optional(),
  /** Declared scopes that the request named, and that its client did not have; and the number of other names. */
  scope_beyond: z.array(z.string()).optional(),
  scope_unknown: z.int().optional(),
  names_scope: z.boolean().optional(),
  /** The named scopes that the client of an authorization has. */
  scope_named: z.array(z.string()).optional(),
  /** Audiences of declared scopes that the request named, and the number of other names. */
  resources: z.array(z.string()).optional(),
  resource_unknown: z.int().optional(),
  has_proof: z.boolean().optional(),
  has_certificate: z.boolean().optional(),
  lifetime: z.int().optional(),
  exchange: z
    .object({
      kind: z.enum(["impersonation", "delegation"]),
      client_id: z.string(),
      aud: z.union([z.string(), z.array(z.string())]),
      scope: z.string(),
    })
    .optional(),
  audience_named: z.string().optional(),
  authorization: z
    .object({
      redirect_uri: z.string().optional(),
      is_pushed: z.boolean(),
      is_signed: z.boolean(),
      has_challenge: z.boolean(),
    })
    .optional(),
});

const texts = z.array(z.string()).optional();

const facts = z.looseObject({
  dialect: z.string().optional(),
  operation: z.string().optional(),
  grant_type: z.string().optional(),
  reason: z.string().optional(),
  client_auth: z.string().optional(),
  grant_id: z.string().optional(),
  assertion_issuer: z.string().optional(),
  scope_requested: texts,
  scope_granted: texts,
  audience: z.union([z.string(), z.array(z.string())]).optional(),
  again: again.default({}),
});

/** A kept decision, as it is explained and decided again. */
export type Recalled = ReturnType<typeof recall>;

/** Reads a kept decision. */
export function recall({ id, decided_at, code, client_id, sub, facts: stored }: KeptDecision) {
  const read = facts.parse(stored);
  const known = code !== null && isCode(code) ? code : undefined;
  return {
    ...{ id, decided_at, facts: read, again: read.again },
    code: known,
    refusedBy: known && checkOf(known, read.reason),
    client_id: client_id ?? undefined,
    sub: sub ?? undefined,
  };
}

/** The names among these that are known, and the number of the others: people put secrets into wrong fields. */
function sorted(names: readonly string[], isKnown: (name: string) => boolean) {
  const known = names.filter(isKnown);
  const unknown = names.length - known.length;
  return { known: known.length === 0 ? undefined : known, unknown: unknown === 0 ? undefined : unknown };
}

/** The names that may be kept of a request. */
export interface KnownNames {
  readonly scopes: AudiencesOfScopes;
  readonly issuer: string;
}

/** The facts of a request for deciding it again. Each member is written out, because copies of objects cost more than all the rest. */
export function toRecall(request: AuditFacts, names: KnownNames): z.input<typeof again> {
  const { scope_beyond = [], scope_named, resource_named, exchange, audience_named, authorization } = request;
  const scopes = scope_beyond.length === 0 ? NO_NAMES : sorted(scope_beyond, (name) => names.scopes.has(name));
  const isAudience = resource_named === undefined && audience_named === undefined ? () => false : audiencesIn(names);
  const resources = resource_named === undefined ? NO_NAMES : sorted(resource_named.split(" "), isAudience);
  return {
    client_epoch: request.client_epoch,
    user_epoch: request.user_epoch,
    names_scope: request.names_scope,
    scope_named: scope_named && [...scope_named],
    scope_beyond: scopes.known,
    scope_unknown: scopes.unknown,
    resources: resources.known,
    resource_unknown: resources.unknown,
    has_proof: request.has_proof,
    has_certificate: request.has_certificate,
    lifetime: request.lifetime,
    exchange: exchange && { ...exchange, aud: [exchange.aud].flat() },
    audience_named: audience_named !== undefined && isAudience(audience_named) ? audience_named : undefined,
    authorization: authorization && { ...authorization, redirect_uri: addressOf(request) },
  };
}

const NO_NAMES: ReturnType<typeof sorted> = { known: undefined, unknown: undefined };

/** Whether a URI is an audience of a declared scope, or this server. */
function audiencesIn({ scopes, issuer }: KnownNames): (uri: string) => boolean {
  const audiences = [issuer, ...[...scopes.values()].flatMap(({ audience }) => audience ?? [])];
  return (uri) => audienceNamed(uri, audiences) !== undefined;
}

/** The redirect URI of a request, if it was registered, or is written in plain words. */
function addressOf({ authorization, refusal }: AuditFacts): string | undefined {
  const uri = authorization?.redirect_uri;
  if (uri === undefined || isPlainWord(uri)) return uri;
  const refusedBy = refusal && checkOf(refusal.row.code, refusal.reason);
  return refusedBy === "redirect_uri" || refusedBy === "request_object" ? undefined : uri;
}
