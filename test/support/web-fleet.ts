import { ALICE, FLEET, SECRET } from "./fleet.js";
import { basic, type Form, type Instance, type Reply } from "./instance.js";
import { answerOf, Browser, query } from "./web.js";
import { until } from "./until.js";

/** The mixed fleet with web apps in it: one client for each way of being registered. */

export const CALLBACK = "https://app.example/cb";
export const OTHER_CALLBACK = "https://app.example/other";
export const GOODBYE = "https://app.example/bye";

export const BOB = { username: "bob", password: "hunter2 hunter2" };

const [alice, ...others] = FLEET.users;

/** A client that signs people in, with its special settings. */
const webApp = (client_id: string, more: object = {}) => ({
  client_id,
  client_secret: SECRET,
  grant_types: ["authorization_code"],
  scope: "openid profile api1",
  redirect_uris: [CALLBACK],
  ...more,
});

export const WEB = {
  scopes: [...FLEET.scopes, { name: "docs", description: "Read your documents", claims: ["department"] }],
  clients: [
    ...FLEET.clients,
    webApp("web", {
      client_name: "The Web App",
      grant_types: ["authorization_code", "refresh_token"],
      scope: "openid profile email phone role docs api1 offline_access",
      redirect_uris: [CALLBACK, OTHER_CALLBACK],
      post_logout_redirect_uris: [GOODBYE, `${GOODBYE}?state=theirs&code=1`],
    }),
    webApp("other-web", {
      grant_types: ["authorization_code", "refresh_token"],
      post_logout_redirect_uris: ["https://other.example/bye"],
    }),
    webApp("codes-only"),
    webApp("offline", { scope: "openid api1 offline_access" }),
    webApp("single", { scope: "api1 profile" }),
    webApp("nowhere", { redirect_uris: [] }),
    webApp("polluted", { redirect_uris: [`${CALLBACK}?code=x&state=y&error=z&iss=w&keep=1`] }),
    webApp("trusted", { consent: "implicit" }),
    webApp("strict", { require_pkce: true }),
    webApp("spa", {
      client_secret: undefined,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    }),
    webApp("native", {
      client_secret: undefined,
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/cb", "http://[::1]:1/cb", "http://localhost/cb", "com.example.app:/cb"],
      post_logout_redirect_uris: ["http://127.0.0.1/bye"],
    }),
    webApp("modern", { dialects: ["oauth2"] }),
    webApp("classic", { dialects: ["simple-identity-server"] }),
    webApp("no-codes", { grant_types: ["password"] }),
    webApp("tokens-only", { response_types: ["token"] }),
    webApp("signer", { userinfo_signed_response_alg: "ES256", id_token_signed_response_alg: "ES256" }),
    webApp("sealed", { access_token_format: "opaque" }),
    webApp("closed", { disabled: true }),
  ],
  users: [{ ...alice, "name#de": "Alice Beispiel", department: "R&D" }, ...others],
};

/** A client of the fleet, changed. */
export function changed(client_id: string, change: object): object {
  const client = WEB.clients.find((one) => one.client_id === client_id);
  return { clients: [{ ...client, ...change }] };
}

/** Changes a client and waits until the instance has heard of it. */
export async function change(server: Instance, client_id: string, what: Record<string, unknown>): Promise<void> {
  await server.apply(changed(client_id, what));
  await until(`${client_id} is changed`, async () => {
    const client = (await server.core.registry.find(client_id)) as unknown as Record<string, unknown>;
    return Object.entries(what).every(([name, value]) => {
      const found = client[name];
      const text = typeof value === "string" && Array.isArray(found) ? found.join(" ") : found;
      return JSON.stringify(text) === JSON.stringify(value);
    });
  });
}

export const AUTHORIZE = { oauth2: "/oauth2/authorize", "simple-identity-server": "/authorization" } as const;

/** The address of an authorization request; undefined leaves a parameter out. */
export function authorize(parameters: Form = {}, path: string = AUTHORIZE.oauth2): string {
  return `${path}?${query({ response_type: "code", redirect_uri: CALLBACK, client_id: "web", scope: "openid profile", state: "s", ...parameters })}`;
}

/** Goes the whole way of a person: logs in where asked, allows where asked. What the last step answered. */
export async function walk(browser: Browser, address: string, person: Record<string, string> = ALICE): Promise<Reply> {
  let page = await browser.open(address);
  if (page.text.includes('id="login"')) page = await browser.submit(page, "login", { ...person, action: "login" });
  if (page.text.includes('id="consent"')) page = await browser.submit(page, "consent", { action: "allow" });
  return page;
}

/** A browser in which a user is logged in. */
export async function loggedIn(server: Instance, person: Record<string, string> = ALICE): Promise<Browser> {
  const browser = new Browser(server);
  const login = await browser.open("/account");
  await browser.submit(login, "login", { ...person, action: "login" });
  return browser;
}

/** A code for the user of the browser. */
export async function getCode(browser: Browser, parameters: Form = {}, path?: string): Promise<string> {
  const reply = await walk(browser, authorize(parameters, path));
  const { code } = answerOf(reply);
  if (code === undefined) throw new Error(`no code but ${reply.status} ${reply.headers.get("location")}`);
  return code;
}

/** Exchanges a code; as `web` where nothing else is said. */
export function exchange(
  server: Instance,
  form: Form,
  headers: Record<string, string> = basic("web", SECRET),
  path = "/oauth2/token",
): Promise<Reply> {
  return server.post(path, { grant_type: "authorization_code", redirect_uri: CALLBACK, ...form }, headers);
}
