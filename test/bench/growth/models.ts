import type pg from "pg";
import { credentialsOf } from "../deployment.js";
import { FORM_ANSWER } from "../load.js";
import type { Party } from "../party.js";

/** The ids of rows that the server wrote, one of each kind. */
export interface Models {
  readonly grant_id: string;
  readonly sid: string;
  readonly jti: string;
  readonly sub: string;
}

/** One request. */
const ONCE = { requests: 1, seconds: 10, maxConnections: 1 } as const;

/** Lets the server write one row of each kind: by a login in a browser, the exchange of a code, a refresh, and a revocation. */
export async function writeModels(party: Party, client: pg.Client): Promise<Models> {
  const [refresh_token] = await party.tokens("web", "api1", 1, "refresh_token");
  const refresh = {
    ...party.tokenLoad("web", { grant_type: "refresh_token", refresh_token: refresh_token! }),
    expects: { ...FORM_ANSWER, brings: '"access_token":"([^"]+)"' },
  };
  const { brought } = await party.send(refresh, ONCE);
  const form = { token: brought[0]!, token_type_hint: "access_token" };
  const { revoke } = party.candidate.paths;
  await party.send({ target: revoke, headers: credentialsOf("web"), form, expects: FORM_ANSWER }, ONCE);
  const one = async (text: string) => (await client.query<{ id: string }>(text)).rows[0]!.id;
  return {
    grant_id: await one("SELECT id FROM grants WHERE generation = 1"),
    sid: await one("SELECT sid AS id FROM sessions"),
    jti: await one("SELECT jti AS id FROM revoked_tokens"),
    sub: await one("SELECT sub AS id FROM sessions"),
  };
}
