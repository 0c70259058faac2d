import { newSecret, type Random } from "../clock.js";
import { disableClientsNamed, disableUserNamed } from "../store/disable-named.js";
import type { Db } from "../store/open.js";

/** Names in the demo set, which only an empty embedded database gets. */
const NAMES = {
  backend: "demo-backend",
  mobile: "demo-mobile",
  web: "demo-web",
  admin: "demo-admin",
  user: "demo",
} as const;

/** The client_name of each demo client. A client of the same id that an operator made has another name. */
const CLIENT_NAMES: Readonly<Record<string, string>> = {
  [NAMES.backend]: "Demo backend service",
  [NAMES.mobile]: "Demo mobile app",
  [NAMES.web]: "Demo web app",
  [NAMES.admin]: "Demo administration",
};

const USER = { sub: "demo-user-1", name: "Demo User" } as const;

/**
 * Disables the demo set, whose secrets were printed. Its tokens are rejected from then on.
 * @returns the ids of the clients and users that were enabled
 */
export async function disableDemo(db: Db): Promise<readonly string[]> {
  const clients = await disableClientsNamed(db, CLIENT_NAMES);
  return (await disableUserNamed(db, USER)) ? [...clients, USER.sub] : clients;
}

/** The redirect URI of docs/example-web-app.mjs, which may listen on any port (RFC 8252 section 7.3). */
const EXAMPLE_CALLBACK = "http://127.0.0.1/callback";

interface DemoSecrets {
  readonly backend: string;
  readonly mobile: string;
  readonly web: string;
  readonly admin: string;
  readonly user: string;
}

/** The URLs of the server. */
interface DemoPlace {
  readonly url: string;
  readonly issuer: string;
  /** The account page. */
  readonly account: string;
}

interface DemoSet {
  /** A provisioning file. */
  readonly file: string;
  /** The text that is shown once: the secrets, and commands to paste. */
  readonly introduction: string;
}

/**
 * A backend service, a mobile app with the password grant, a web app, an administration client and a user, each with a new
 * secret.
 */
export function demoSet(place: DemoPlace, random: Random): DemoSet {
  const secret = () => newSecret(random);
  const user = random(12).toString("base64url");
  const secrets = { backend: secret(), mobile: secret(), web: secret(), admin: secret(), user };
  const file = {
    scopes: [{ name: "api1", description: "Use the demo API", audience: "https://api.example" }],
    clients: [
      {
        client_id: NAMES.backend,
        client_name: CLIENT_NAMES[NAMES.backend],
        client_secret: secrets.backend,
        grant_types: ["client_credentials"],
        scope: "api1",
      },
      {
        client_id: NAMES.mobile,
        client_name: CLIENT_NAMES[NAMES.mobile],
        client_secret: secrets.mobile,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["password", "refresh_token"],
        scope: "openid profile email api1",
      },
      {
        client_id: NAMES.web,
        client_name: CLIENT_NAMES[NAMES.web],
        client_secret: secrets.web,
        grant_types: ["authorization_code", "refresh_token"],
        scope: "openid profile email offline_access api1",
        // The demo has no web app of its own. It redirects to the account page, which lists the new consent.
        redirect_uris: [place.account, EXAMPLE_CALLBACK],
        post_logout_redirect_uris: ["http://127.0.0.1/"],
      },
      {
        client_id: NAMES.admin,
        client_name: CLIENT_NAMES[NAMES.admin],
        client_secret: secrets.admin,
        grant_types: ["client_credentials"],
        scope: "jeton:admin jeton:introspect",
      },
    ],
    users: [
      {
        sub: USER.sub,
        preferred_username: NAMES.user,
        password: secrets.user,
        name: USER.name,
        email: "demo@example.com",
        email_verified: true,
      },
    ],
  };
  return { file: JSON.stringify(file), introduction: introduce(place, secrets) };
}

function introduce({ url, issuer, account }: DemoPlace, secrets: DemoSecrets): string {
  const asBackend = `curl -s -u ${NAMES.backend}:${secrets.backend} -d grant_type=client_credentials ${url}/oauth2/token`;
  const asPerson = [
    `curl -s -d grant_type=password -d client_id=${NAMES.mobile} -d client_secret=${secrets.mobile}`,
    `-d username=${NAMES.user} -d password=${secrets.user} ${url}/oauth2/token`,
  ].join(" ");
  const takeToken = `sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/'`;
  const asAdmin = [
    `curl -s -u ${NAMES.admin}:${secrets.admin}`,
    `-d token="$(${asBackend} | ${takeToken})" ${url}/oauth2/introspect`,
  ].join(" ");
  const asWebApp = new URLSearchParams({
    client_id: NAMES.web,
    response_type: "code",
    scope: "openid profile",
    redirect_uri: account,
  });
  return [
    "A demo set was made. Its secrets are shown here once and stored only as hashes:",
    "",
    "# a backend service gets a token for itself",
    asBackend,
    "",
    "# a mobile app logs its user in with a password",
    asPerson,
    "",
    "# an administrator looks at a token (and could revoke it at /oauth2/revoke)",
    asAdmin,
    "",
    `# a web app signs its user in: open this address in a browser and log in as ${NAMES.user} with ${secrets.user}`,
    `${url}/oauth2/authorize?${asWebApp}`,
    "",
    "# the same with a web app of forty lines, which then stands at http://127.0.0.1:3001",
    `ISSUER=${issuer} CLIENT_ID=${NAMES.web} CLIENT_SECRET=${secrets.web} PORT=3001 node docs/example-web-app.mjs`,
    "",
  ].join("\n");
}
