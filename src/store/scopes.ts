import { run, type Db } from "./open.js";

/** A scope somebody declared: what it is called to people, whose audience it means, which claims it releases. */
export interface DeclaredScope {
  readonly name: string;
  readonly description: string | null;
  readonly audience: string | null;
  readonly claims: readonly string[];
}

const ALL = { name: "scopes_all", text: "SELECT name, description, audience, claims FROM scopes ORDER BY name" };

/** Every declared scope. There are few, and every token asks for some. */
export async function allScopes(db: Db): Promise<readonly DeclaredScope[]> {
  return run(db, ALL, []);
}
