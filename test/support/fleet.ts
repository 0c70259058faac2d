/** The mixed fleet most tests talk for: one client of each kind, two people, two resource servers. */
export const SECRET = "a-secret-of-forty-characters-for-testing";

export const FLEET = {
  scopes: [
    { name: "api1", audience: "https://api1.example" },
    { name: "api2", audience: "https://api2.example" },
  ],
  clients: [
    { client_id: "backend", client_secret: SECRET, grant_types: ["client_credentials"], scope: "api1 api2 plain" },
    {
      client_id: "poster",
      client_secret: SECRET,
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["client_credentials"],
      scope: "api1",
    },
    {
      client_id: "header",
      client_secret: SECRET,
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["client_credentials"],
      scope: "api1",
    },
    {
      client_id: "mobile",
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      scope: "openid profile email role api1 offline_access",
    },
    {
      client_id: "tablet",
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      scope: "openid api1",
    },
    {
      client_id: "desktop",
      client_secret: SECRET,
      grant_types: ["password", "refresh_token"],
      scope: "openid profile api1 api2",
      refresh_token_rotation: false,
    },
    {
      client_id: "kiosk",
      client_secret: SECRET,
      grant_types: ["password"],
      scope: "api1",
      access_token_format: "opaque",
    },
    { client_id: "api1-server", client_secret: SECRET, scope: "", audiences: ["https://api1.example"] },
    { client_id: "gateway", client_secret: SECRET, scope: "jeton:introspect" },
    { client_id: "admin", client_secret: SECRET, grant_types: ["client_credentials"], scope: "jeton:admin" },
    {
      client_id: "narrow",
      client_secret: SECRET,
      grant_types: ["client_credentials", "password"],
      response_types: ["code"],
      scope: "api1",
    },
    { client_id: "off", client_secret: SECRET, grant_types: ["client_credentials"], scope: "api1", disabled: true },
  ],
  users: [
    {
      sub: "user-alice",
      preferred_username: "Alice",
      password: "correct horse battery staple",
      email: "alice@example.com",
      email_verified: true,
      phone_number: "+4930123456",
      phone_number_verified: true,
      name: "Alice Example",
      roles: ["user", "editor"],
    },
    {
      sub: "user-bob",
      preferred_username: "bob",
      password: "hunter2 hunter2",
      email: "bob@example.com",
      email_verified: false,
    },
    { sub: "user-gone", preferred_username: "gone", password: "was here once", disabled: true },
  ],
};

export const ALICE = { username: "alice", password: "correct horse battery staple" };
