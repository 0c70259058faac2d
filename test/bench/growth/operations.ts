import { writeAuthorizationCode } from "../../../src/tokens/authorization-code.js";
import { credentialsOf } from "../deployment.js";
import { FORM_ANSWER, type Load } from "../load.js";
import { idOf } from "./fill.js";
import type { Place } from "./place.js";

/** One kind of request, whose cost must not grow with the deployment. */
export interface GrowthOperation {
  readonly name: string;
  readonly title: string;
  /** Makes so many requests ready, each for another grant or session as long as there are any. */
  readonly prepare: (place: Place, requests: number) => Promise<Load>;
  /** Brings the rows back to what they were before the requests. */
  readonly restore?: (place: Place) => Promise<unknown>;
}

const JWT_ACCESS_TOKEN = '"access_token":"(eyJ[^"]+)"';

export const GROWTH_OPERATIONS: readonly GrowthOperation[] = [
  {
    name: "refresh",
    title: "refresh",
    prepare: async (place, requests) => refreshLoad(place, place.takeGrants(requests)),
  },
  {
    name: "introspection",
    title: "introspection of a JWT",
    prepare: async (place, requests) => introspectionLoad(place, await accessTokens(place, requests)),
  },
  {
    name: "revocation",
    title: "revocation",
    prepare: async (place, requests) => ({
      target: place.party.candidate.paths.revoke,
      headers: credentialsOf("web"),
      form: { token_type_hint: "refresh_token" },
      own: { name: "token", use: "once", values: place.takeGrants(requests).map((n) => place.tokenOf(n)) },
      expects: FORM_ANSWER,
    }),
    restore: ({ client, taken }) =>
      client.query("UPDATE grants SET ended_at = NULL, ended_because = NULL WHERE id = ANY($1)", [
        taken.map((n) => idOf("grant", n)),
      ]),
  },
  {
    name: "code",
    title: "code exchange with PKCE",
    prepare: async (place, requests) => {
      const grants = place.takeGrants(requests);
      await place.client.query(
        `UPDATE grants SET code_uses = 0, code_expires_at = now() + interval '1 minute', code_challenge = $2
         WHERE id = ANY($1)`,
        [grants.map((n) => idOf("grant", n)), place.party.codeChallenge],
      );
      const codes = grants.map((n) => writeAuthorizationCode(place.master, idOf("grant", n)));
      return { ...place.party.codeLoad("web", codes), expects: { ...FORM_ANSWER, brings: JWT_ACCESS_TOKEN } };
    },
  },
  {
    name: "session",
    title: "session look-up",
    prepare: async (place, requests) => ({
      target: "/account",
      headers: {},
      own: {
        name: "Cookie",
        use: "once",
        values: place.takeSessions(requests).map((value) => `jeton_session=${value}`),
      },
      // The page of a person who is logged in has a button to log out.
      expects: { ...FORM_ANSWER, contains: ['id="sign-out"'] },
    }),
  },
];

/** A refresh of each of these grants. Each answer brings an access token. */
export function refreshLoad(place: Place, grants: readonly number[]): Load {
  return {
    ...place.party.tokenLoad("web", { grant_type: "refresh_token" }),
    own: { name: "refresh_token", use: "once", values: place.refreshTokens(grants) },
    expects: { ...FORM_ANSWER, brings: JWT_ACCESS_TOKEN },
  };
}

export function introspectionLoad(place: Place, tokens: readonly string[]): Load {
  return {
    target: place.party.candidate.paths.introspect,
    headers: credentialsOf("resourceServer"),
    form: {},
    own: { name: "token", use: "cycle", values: tokens },
    expects: { ...FORM_ANSWER, contains: ['"active":true'] },
  };
}

/** An access token of each of so many grants. */
export async function accessTokens(place: Place, count: number): Promise<readonly string[]> {
  const { brought, example } = await place.party.send(refreshLoad(place, place.takeGrants(count)), { seconds: 300 });
  if (brought.length < count) throw new Error(`${brought.length} of ${count} refreshes succeeded: ${example}`);
  return brought;
}
