import { availableParallelism } from "node:os";
import type { OperationName } from "./candidates.js";
import { credentialsOf, DEPLOYMENT, PEOPLE } from "./deployment.js";
import { FORM_ANSWER, type Expected, type Load } from "./load.js";
import type { Party } from "./party.js";

/** One kind of request that is measured. */
export interface Operation {
  readonly name: OperationName;
  readonly title: string;
  /** Gets from the candidate what the requests need, and makes the load. At most `requests` requests will follow. */
  readonly prepare: (party: Party, requests: number) => Promise<Load>;
  /** Whether each request uses up something that is prepared. Then a round has a number of requests, too. */
  readonly usesUp?: boolean;
  /** Connections at most, where fewer requests at once already take all cores. */
  readonly maxConnections?: number;
}

/** Access tokens that are introspected in turn. */
const INTROSPECTED_TOKENS = 200;

/** Begins as every JWT does: what is measured is a signature, unless the token is to be opaque. */
const JWT_ACCESS_TOKEN = '"access_token":"eyJ';
const ID_TOKEN = '"id_token":"eyJ';
const JWT_ANSWER = { ...FORM_ANSWER, contains: [JWT_ACCESS_TOKEN] };
const NEXT_REFRESH_TOKEN = '"refresh_token":"([^"]+)"';

export const OPERATIONS: readonly Operation[] = [
  {
    name: "client_credentials",
    title: "client_credentials",
    prepare: async (party) => ({
      ...party.tokenLoad("service", { grant_type: "client_credentials", scope: "api1" }),
      expects: JWT_ANSWER,
    }),
  },
  { name: "refresh", title: "refresh", prepare: (party) => refreshes(party, "api1", { lacks: [ID_TOKEN] }) },
  {
    name: "refresh-id-token",
    title: "refresh with an id_token",
    prepare: (party) => refreshes(party, "openid api1", { contains: [JWT_ACCESS_TOKEN, ID_TOKEN] }),
  },
  { name: "introspect-jwt", title: "introspection of a JWT", prepare: (party) => introspections(party, "web") },
  {
    name: "introspect-opaque",
    title: "introspection of an opaque token",
    prepare: (party) => introspections(party, "opaque"),
  },
  {
    name: "code",
    title: "code exchange with PKCE",
    usesUp: true,
    prepare: async (party, requests) => ({
      ...party.codeLoad("web", await party.codes("web", "api1", requests)),
      expects: { ...JWT_ANSWER, lacks: [ID_TOKEN] },
    }),
  },
  {
    name: "revoke",
    title: "revocation",
    usesUp: true,
    prepare: async (party, requests) => {
      const { paths, revokes } = party.candidate;
      const values = await party.tokens("web", "api1", requests, revokes);
      return {
        target: paths.revoke,
        headers: credentialsOf("web"),
        form: { token_type_hint: revokes },
        own: { name: "token", values, use: "once" },
        expects: FORM_ANSWER,
      };
    },
  },
  {
    name: "password",
    title: "password (argon2id)",
    // Jeton turns logins away once so many wait that the last one would wait for long. One that waits keeps every core busy.
    maxConnections: availableParallelism(),
    prepare: async (party) => ({
      ...party.tokenLoad("firstParty", { grant_type: "password", scope: "api1", password: DEPLOYMENT.password }),
      own: { name: "username", values: PEOPLE, use: "cycle" },
    }),
  },
];

/** One chain for each connection: the refresh token of each answer is the next request's. */
async function refreshes(party: Party, scope: string, more: Partial<Expected>): Promise<Load> {
  const values = await party.tokens("web", scope, party.connections, "refresh_token");
  return {
    ...party.tokenLoad("web", { grant_type: "refresh_token" }),
    own: { name: "refresh_token", values, use: "chain" },
    expects: { ...JWT_ANSWER, ...more, brings: NEXT_REFRESH_TOKEN },
  };
}

/** The tokens take turns, so that a server which remembers verified tokens has to find each among the others. */
async function introspections(party: Party, client: "web" | "opaque"): Promise<Load> {
  const values = await party.tokens(client, "api1", INTROSPECTED_TOKENS, "access_token");
  return {
    target: party.candidate.paths.introspect,
    headers: credentialsOf("resourceServer"),
    form: {},
    own: { name: "token", values, use: "cycle" },
    expects: { ...FORM_ANSWER, contains: ['"active":true'] },
  };
}
