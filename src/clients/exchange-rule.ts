import { z } from "zod";

/** How a client may use the tokens of others: it stays visible as the actor, or it does not (RFC 8693 section 1.1). */
export const EXCHANGE_KINDS = ["delegation", "impersonation"] as const;

/** One rule of a client: which tokens it may exchange, and for which ones (RFC 8693). An absent list sets no limit. */
export const exchangeRule = z.object({
  kind: z.enum(EXCHANGE_KINDS),
  /** The clients whose tokens it may exchange. */
  subject_clients: z.array(z.string()).optional(),
  /** The audiences whose tokens it may exchange. */
  subject_audiences: z.array(z.string()).optional(),
  /** The scopes that the new token may have. */
  scopes: z.array(z.string()).optional(),
  /** The audiences that the new token may have. */
  audiences: z.array(z.string()).optional(),
});

export type ExchangeRule = z.infer<typeof exchangeRule>;
