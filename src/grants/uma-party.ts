import type { TicketTerms } from "../store/uma-tickets.js";
import { readClaimToken } from "../tokens/id-token.js";
import { readPersistedClaims } from "../tokens/persisted-claims.js";
import { CLAIM_TOKEN_FORMATS } from "../uma/claims-gathering.js";
import type { GrantContext } from "./grant.js";

/** Who the requesting party is; `user_epoch` says since when that was known, where it was not shown just now. */
export interface Party {
  readonly sub?: string;
  readonly user_epoch?: number;
  /** Whether it was proved now or in a step of this request, and not just remembered. */
  readonly proved: boolean;
}

/** What a request may say of who asks (UMA 2.0 Grant section 3.3.1). */
interface Claimed {
  readonly claim_token?: string | undefined;
  readonly claim_token_format?: string | undefined;
  readonly pct?: string | undefined;
}

/** What is pushed comes first, then what was found out on the way here, then what the client remembers. */
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
