import { z } from "zod";

/** The content of exchanged tokens (RFC 8693). */

/** The party that acts for the subject of a token, and those that acted before it (section 4.1). */
export interface Actor {
  readonly sub: string;
  readonly act?: Actor | undefined;
}

export const actorSchema: z.ZodType<Actor> = z.object({ sub: z.string(), act: z.lazy(() => actorSchema).optional() });

/** A token that another one was exchanged from, by the values that decide whether it is in force. */
export const earlierTokenSchema = z.object({
  jti: z.string(),
  client_id: z.string(),
  client_epoch: z.int(),
  sub: z.string().optional(),
  user_epoch: z.int().optional(),
  grant_id: z.string().optional(),
  grant_generation: z.int().optional(),
});

type EarlierToken = z.infer<typeof earlierTokenSchema>;

/** The terms of an exchanged token. */
export interface ExchangedTerms {
  /** The subject of the token that was exchanged. Its client is another one. */
  readonly sub: string;
  /** The epoch of the subject, if it is a person. */
  readonly user_epoch: number | undefined;
  readonly auth_time: number | undefined;
  /** The actor; undefined for an impersonation. */
  readonly act: Actor | undefined;
  /** The tokens whose end ends it too. */
  readonly exchanged_from: readonly EarlierToken[];
  /** Whether it is a JWT, whatever the format of its client. */
  readonly is_jwt: boolean;
}

const mayActSchema = z.object({ sub: z.string() });

/** The actor that a claim `may_act` names (section 4.4); undefined if it names none. */
export function readMayAct(claim: unknown): string | undefined {
  return mayActSchema.safeParse(claim).data?.sub;
}
