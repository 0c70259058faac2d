import { issueIdToken } from "../../src/tokens/id-token.js";
import { decided } from "./decided.js";
import { SECRET } from "./fleet.js";
import { basic, type Instance, type Reply } from "./instance.js";

/** The three parties of UMA: resource servers, owners and requesting parties. No user has a password, so nothing is hashed. */

export const FORMAT = "http://openid.net/specs/openid-connect-core-1_0.html#IDToken";
export const URN = "urn:ietf:params:oauth:grant-type:uma-ticket";
export const COME_BACK = "https://printer.example/claims";
/** Where a client without claims redirection URIs is sent people to who log in: not where they come back to with claims. */
export const LOGGED_IN = "https://other-printer.example/cb";

const protecting = { grant_types: ["client_credentials"], scope: "uma_protection", client_secret: SECRET };
const asking = { grant_types: ["uma_ticket"], client_secret: SECRET };

export const PARTIES = {
  clients: [
    { client_id: "photos", client_name: "Photo Album", ...protecting },
    { client_id: "other-server", ...protecting },
    { client_id: "sis-server", ...protecting },
    { client_id: "no-protector", ...protecting, scope: "api1" },
    {
      client_id: "printer",
      client_name: "Print Shop",
      ...asking,
      scope: "openid view print",
      // A requesting party token is a JWT all the same.
      access_token_format: "opaque",
      claims_redirect_uris: [COME_BACK],
    },
    { client_id: "other-printer", ...asking, redirect_uris: [LOGGED_IN] },
    { client_id: "public-printer", grant_types: ["uma_ticket"], token_endpoint_auth_method: "none" },
    { client_id: "no-printer", client_secret: SECRET },
  ],
  users: [
    { sub: "user-alice", preferred_username: "alice" },
    {
      sub: "user-bob",
      preferred_username: "bob",
      roles: ["editor", "user"],
      department: "R&D",
      email: "bob@example.com",
      email_verified: true,
    },
    { sub: "user-carol", preferred_username: "carol" },
  ],
};

export const PHOTO = { name: "photo", resource_scopes: ["view", "print", "delete"] };

/** A token that lets its holder call the protection API. */
export interface Pat {
  readonly Authorization: string;
}

/** A protection API token of a resource server: for itself, or for an owner. */
export async function pat(
  { core }: Instance,
  client_id = "photos",
  sub?: string,
  scope: readonly string[] = ["uma_protection"],
): Promise<Pat> {
  const client = (await core.registry.find(client_id))!;
  const user = sub === undefined ? {} : { user: { sub, token_epoch: 0 } };
  const { text } = await core.accessTokens.issue({ client, scope, spelling: { idTokenCarriesClaims: false }, ...user });
  return { Authorization: `Bearer ${text}` };
}

/** An ID token that a client got when a user signed in. */
export async function idToken({ core }: Instance, sub = "user-bob", client_id = "printer"): Promise<string> {
  const client = (await core.registry.find(client_id))!;
  const auth_time = Math.floor(core.clock.now() / 1000);
  return issueIdToken(core, { client, sub, access_token: "x", auth_time, amr: ["pwd"], claims: {} });
}

/** Sends JSON. */
export function json(
  server: Instance,
  method: string,
  path: string,
  body: unknown,
  headers: object = {},
): Promise<Reply> {
  const said = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  return server.send(path, { method, ...said, headers: { ...type, ...headers } });
}

/** Registers a resource of Alice's; its id. */
export async function register(server: Instance, by: Pat, resource: object = PHOTO): Promise<string> {
  const reply = await decided(() => json(server, "POST", "/uma/resources", resource, by));
  if (reply.status !== 201) throw new Error(reply.text);
  return reply.json._id;
}

/** Makes a policy; its id. */
export async function allow(server: Instance, by: Pat, resource_ids: string[], ...rules: object[]): Promise<string> {
  const reply = await decided(() => json(server, "POST", "/uma/policies", { resource_ids, rules }, by));
  if (reply.status !== 201) throw new Error(reply.text);
  return reply.json._id;
}

/** A ticket for one or several resources. */
export async function ticketFor(
  server: Instance,
  by: Pat,
  resources: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const asked = Object.entries(resources).map(([resource_id, resource_scopes]) => ({ resource_id, resource_scopes }));
  const reply = await json(server, "POST", "/uma/permissions", asked, by);
  if (reply.status !== 201) throw new Error(reply.text);
  return reply.json.ticket;
}

/** Asks for a requesting party token. */
export function ask(
  server: Instance,
  ticket: string,
  form: Readonly<Record<string, string | undefined>> = {},
  client_id = "printer",
): Promise<Reply> {
  return server.post("/oauth2/token", { grant_type: URN, ticket, ...form }, basic(client_id, SECRET));
}

/** What a resource server hears of a token. */
export function introspect(server: Instance, token: string, client_id = "photos"): Promise<Reply> {
  return server.post("/oauth2/introspect", { token }, basic(client_id, SECRET));
}

/** What a JWT says, unverified. */
export function payloadOf(token: string): any {
  return JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString());
}
