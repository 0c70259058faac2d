import { z } from "zod";
import { epochSeconds, type Clock } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";

/**
 * Persisted claims tokens (UMA 2.0 Grant section 3.3.1), which clients send instead of the claims they have sent
 * before. A token is sealed text with a user, the user's epoch and the client. It has no row, and ends with the epoch.
 */
const PREFIX = "jpct_";

/** Lifetime in seconds. */
const LIFETIME = 14 * 24 * 60 * 60;

/** Longest accepted text, in characters. */
const MAX_LENGTH = 2_048;

const contents = z.object({ sub: z.string(), user_epoch: z.int(), client_id: z.string(), exp: z.int() });

interface Parts {
  readonly master: MasterKey;
  readonly clock: Clock;
}

export function writePersistedClaims(
  { master, clock }: Parts,
  named: { readonly sub: string; readonly user_epoch: number; readonly client_id: string },
): string {
  const plain = JSON.stringify({ ...named, exp: epochSeconds(clock) + LIFETIME });
  return PREFIX + master.seal("persisted-claims", Buffer.from(plain, "utf8")).toString("base64url");
}

/** The content of a token, also of an expired one; undefined if this server did not write it. */
export function openPersistedClaims(master: MasterKey, text: string): z.infer<typeof contents> | undefined {
  if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) return undefined;
  const plain = master.openText("persisted-claims", text.slice(PREFIX.length));
  return plain === undefined ? undefined : contents.parse(JSON.parse(plain.toString("utf8")));
}

/** The user of a token, if it is unexpired and this client's. The store decides whether the epoch still holds. */
export function readPersistedClaims(
  { master, clock }: Parts,
  text: string,
  client_id: string,
): { readonly sub: string; readonly user_epoch: number } | undefined {
  const opened = openPersistedClaims(master, text);
  if (opened === undefined) return undefined;
  const { sub, user_epoch, exp, ...of } = opened;
  return of.client_id === client_id && exp > epochSeconds(clock) ? { sub, user_epoch } : undefined;
}
