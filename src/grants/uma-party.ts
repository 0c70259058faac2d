import type { TicketTerms } from "../store/uma-tickets.js";
import { readClaimToken } from "../tokens/id-token.js";
import { readPersistedClaims } from "../tokens/persisted-claims.js";
import { CLAIM_TOKEN_FORMATS } from "../uma/claims-gathering.js";
import type { GrantContext } from "./grant.js";

/** The requesting party. `user_epoch` is the epoch of the user when an earlier step identified them. */
export interface Party {
  readonly sub?: string;
  readonly user_epoch?: number;
  /** Whether the party is proved by this request or by its ticket, and not only by a persisted claims token. */
  readonly proved: boolean;
}

/** The parameters that identify the requesting party (UMA 2.0 Grant section 3.3.1). */
interface Claimed {
  readonly claim_token?: string | undefined;
  readonly claim_token_format?: string | undefined;
  readonly pct?: string | undefined;
}

/** A pushed claim token counts first, then the party of the ticket, then the persisted claims token. */
export async function identifyRequestingParty(
  { claim_token, claim_token_format, pct }: Claimed,
  { sub, user_epoch }: TicketTerms,
  { core, client: { client_id } }: GrantContext,
): Promise<Party> {
  const known = CLAIM_TOKEN_FORMATS.some((one) => one === claim_token_format);
  const pushed = claim_token !== undefined && known ? await readClaimToken(core, claim_token, client_id) : undefined;
  if (pushed !== undefined) return { ...pushed, proved: true };
  if (sub !== null && user_epoch !== null) return { sub, user_epoch, proved: true };
  const remembered = pct === undefined ? undefined : readPersistedClaims(core, pct, client_id);
  return { ...remembered, proved: false };
}
