import { run, type Db } from "./open.js";

/** A declared scope: its description for users, its audience, and the claims that it releases. */
export interface DeclaredScope {
  readonly name: string;
  readonly description: string | null;
  readonly audience: string | null;
  readonly claims: readonly string[];
}

const ALL = { name: "scopes_all", text: "SELECT name, description, audience, claims FROM scopes ORDER BY name" };

/** All declared scopes. They are few, and every token request needs some. */
export async function allScopes(db: Db): Promise<readonly DeclaredScope[]> {
  return run(db, ALL, []);
}
