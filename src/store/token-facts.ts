import type { TokenSubject } from "./access-tokens.js";
import { epochOf } from "./epochs.js";
import { run, type Db } from "./open.js";

/** What decides about a token, each by itself, for an operator who asks why a token is refused (access-tokens.ts decides). */
export interface TokenFacts {
  readonly now: Date;
  readonly is_revoked: boolean;
  /** Null if the client or the user is deleted. */
  readonly client: { readonly disabled: boolean; readonly epoch: number } | null;
  readonly user: { readonly disabled: boolean; readonly epoch: number; readonly username: string } | null;
  /** Null if the grant is deleted, or if the token has none. */
  readonly grant: { readonly generation: number; readonly ended: boolean; readonly because: string | null } | null;
  /** The deployment's part of both epochs. */
  readonly deployment_epoch: number;
}

const FACTS = {
  name: "token_facts",
  text: `
    SELECT coalesce($5::timestamptz, now()) AS now,
           EXISTS (SELECT FROM revoked_tokens WHERE jti = $1) AS is_revoked,
           (SELECT jsonb_build_object('disabled', c.disabled, 'epoch', ${epochOf("c")})
            FROM clients c WHERE c.client_id = $2) AS client,
           (SELECT jsonb_build_object('disabled', u.disabled, 'epoch', ${epochOf("u")}, 'username', u.preferred_username)
            FROM users u WHERE u.sub = $3) AS "user",
           (SELECT jsonb_build_object('generation', g.generation, 'ended', g.ended_at IS NOT NULL, 'because', g.ended_because)
            FROM grants g WHERE g.id = $4) AS grant,
           coalesce((SELECT d.token_epoch FROM deployment_epoch d), 0) AS deployment_epoch`,
};

/** The facts about a token. */
export async function tokenFacts(
  db: Db,
  { jti, client_id, sub, grant_id }: Partial<Pick<TokenSubject, "jti" | "client_id" | "sub" | "grant_id">>,
  now: Date | null,
): Promise<TokenFacts> {
  return (await run<TokenFacts & Record<string, unknown>>(db, FACTS, [jti, client_id, sub, grant_id, now]))[0]!;
}
