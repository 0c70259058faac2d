import { run, type Db } from "./open.js";

/** A declared scope: its description for users, its audience, and the claims that it releases. */
export interface DeclaredScope {
  readonly name: string;
  readonly description: string | null;
  readonly audience: string | null;
  readonly claims: readonly string[];
  /** How its audience wants access tokens signed, and their media type; null where the client's setting counts. */
  readonly access_token_signing_alg: string | null;
  readonly access_token_typ: string | null;
}

const ALL = {
  name: "scopes_all",
  text: `
    SELECT name, description, audience, claims, access_token_signing_alg, access_token_typ
    FROM scopes ORDER BY name`,
};

/** All declared scopes. They are few, and every token request needs some. */
export async function allScopes(db: Db): Promise<readonly DeclaredScope[]> {
  return run(db, ALL, []);
}
