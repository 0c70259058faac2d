import type { TokenSubject } from "../store/access-tokens.js";
import type { TokenFacts } from "../store/token-facts.js";

/** Why a token is not in force. */
export const REASONS = [
  "expired",
  "revoked",
  "used",
  "superseded",
  "key_rejected",
  "other_issuer",
  "client_deleted",
  "client_disabled",
  "everything_of_client_revoked",
  "user_deleted",
  "user_disabled",
  "everything_of_user_revoked",
  "everything_revoked",
  "grant_ended",
  "grant_deleted",
  "earlier_token_ended",
  "no_permission_left",
  "unknown",
] as const;

export type Reason = (typeof REASONS)[number];

/** The parts of a token that decide, beside its expiry. */
type Subject = Omit<TokenSubject, "exp" | "exchanged_from">;

/** Every reason that the facts are against a token. Without one it is in force, unless it has expired. */
export function reasonsAgainst(subject: Subject, facts: TokenFacts): readonly Reason[] {
  const everything = facts.deployment_epoch > subject.client_epoch;
  return [
    ...(facts.is_revoked ? (["revoked"] as const) : []),
    ...(everything ? (["everything_revoked"] as const) : []),
    ...againstClient(subject, facts, everything),
    ...againstUser(subject, facts, everything),
    ...againstGrant(subject, facts),
  ];
}

function againstClient({ client_epoch }: Subject, { client }: TokenFacts, everything: boolean): readonly Reason[] {
  if (client === null) return ["client_deleted"];
  const isLater = client.epoch !== client_epoch && !everything;
  return [
    ...(client.disabled ? (["client_disabled"] as const) : []),
    ...(isLater ? (["everything_of_client_revoked"] as const) : []),
  ];
}

function againstUser({ sub, user_epoch }: Subject, { user }: TokenFacts, everything: boolean): readonly Reason[] {
  if (sub === undefined) return [];
  if (user === null) return ["user_deleted"];
  const isLater = user.epoch !== user_epoch && !everything;
  return [
    ...(user.disabled ? (["user_disabled"] as const) : []),
    ...(isLater ? (["everything_of_user_revoked"] as const) : []),
  ];
}

function againstGrant({ grant_id, grant_generation }: Subject, { grant }: TokenFacts): readonly Reason[] {
  if (grant_id === undefined) return [];
  if (grant === null) return ["grant_deleted"];
  const isSuperseded = grant_generation !== undefined && grant_generation !== grant.generation;
  return [...(grant.ended ? (["grant_ended"] as const) : []), ...(isSuperseded ? (["superseded"] as const) : [])];
}
