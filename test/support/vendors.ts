import { FLEET, SECRET } from "./fleet.js";
import type { Instance, Reply } from "./instance.js";
import { CALLBACK } from "./web-fleet.js";

/** The mixed fleet, and what the vendors' own dialects know besides: an integration, two apps, a thing in each. */

const [alice, bob, gone] = FLEET.users;

/** An app with everything on, and one as it is by default. */
export const APP = { app_id: "app-one", app_key: "key-one", client_id: "admin-one", client_secret: "secret-one" };
export const PLAIN_APP = {
  app_id: `app-two-${"2".repeat(200)}`,
  app_key: "key-two",
  client_id: "admin-two",
  client_secret: "secret-two",
};

export const THING = { vendor_thing_id: "thing-1", password: "thing's password" };

/** Seconds: the longest that `app-one` gives a token, and what it gives where nothing is asked. */
export const MAXIMUM = 7_200;
export const DEFAULT = 3_600;

export const VENDORS = {
  scopes: [...FLEET.scopes, { name: "inspect", claims: ["first_name"] }],
  clients: [
    ...FLEET.clients,
    {
      client_id: "integration",
      client_secret: SECRET,
      grant_types: ["client_credentials", "authorization_code", "refresh_token"],
      scope: "openid email profile inspect offline api1",
      redirect_uris: [CALLBACK],
      consent: "implicit",
      access_token_lifetime: 604_800,
    },
    {
      client_id: "another-integration",
      client_secret: SECRET,
      grant_types: ["authorization_code"],
      scope: "openid",
      redirect_uris: [CALLBACK],
    },
    {
      client_id: "elsewhere",
      client_secret: SECRET,
      grant_types: ["client_credentials"],
      scope: "api1",
      dialects: ["oauth2"],
    },
  ],
  users: [
    { ...alice, userID: 1302, userRegion: "SG", first_name: "Alice" },
    bob,
    gone,
    {
      sub: "user-hana",
      preferred_username: "hana",
      password: "hana's password",
      phone_number: "+819012345678",
      phone_number_verified: true,
      email: "hana@example.com",
      email_verified: false,
    },
  ],
  apps: [
    {
      ...APP,
      default_token_lifetime: DEFAULT,
      max_token_lifetime: MAXIMUM,
      refresh_tokens: true,
      user_registration: true,
      thing_registration: true,
      user_lookup: true,
    },
    PLAIN_APP,
  ],
  things: [
    { app_id: APP.app_id, ...THING },
    { app_id: PLAIN_APP.app_id, vendor_thing_id: THING.vendor_thing_id, password: "the other thing's" },
  ],
};

/** The headers by which a Kii SDK says which app it is of. */
export function ofApp({ app_id, app_key }: { app_id: string; app_key: string } = APP): Record<string, string> {
  return { "X-Kii-AppID": app_id, "X-Kii-AppKey": app_key };
}

/** Sends JSON, or a text as it is. */
export function postJson(
  server: Instance,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Reply> {
  return server.send(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}
