import type { Random } from "../clock.js";

/** Names of the demo set, which only an empty embedded store ever gets. */
const NAMES = { backend: "demo-backend", mobile: "demo-mobile", admin: "demo-admin", user: "demo" } as const;

export interface DemoSet {
  /** A provisioning file. */
  readonly file: string;
  /** What to show once: the secrets, and lines that work when pasted. */
  readonly introduction: string;
}

/**
 * A backend service, a mobile app with the password grant, an administration client and a user, with secrets of their own.
 * @param url where the server answers
 */
export function demoSet(url: string, random: Random): DemoSet {
  const secret = () => random(32).toString("base64url");
  const secrets = { backend: secret(), mobile: secret(), admin: secret(), user: random(12).toString("base64url") };
  const file = {
    scopes: [{ name: "api1", description: "Use the demo API", audience: "https://api.example" }],
    clients: [
      {
        client_id: NAMES.backend,
        client_name: "Demo backend service",
        client_secret: secrets.backend,
        grant_types: ["client_credentials"],
        scope: "api1",
      },
      {
        client_id: NAMES.mobile,
        client_name: "Demo mobile app",
        client_secret: secrets.mobile,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["password", "refresh_token"],
        scope: "openid profile email api1",
      },
      {
        client_id: NAMES.admin,
        client_name: "Demo administration",
        client_secret: secrets.admin,
        grant_types: ["client_credentials"],
        scope: "jeton:admin jeton:introspect",
      },
    ],
    users: [
      {
        sub: "demo-user-1",
        preferred_username: NAMES.user,
        password: secrets.user,
        name: "Demo User",
        email: "demo@example.com",
        email_verified: true,
      },
    ],
  };
  return { file: JSON.stringify(file), introduction: introduce(url, secrets) };
}

function introduce(url: string, secrets: { backend: string; mobile: string; admin: string; user: string }): string {
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
  ].join("\n");
}
