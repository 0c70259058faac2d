/** The clients and people that every candidate has. A candidate that is no Jeton gets them as JSON in `BENCH_DEPLOYMENT`. */
export const DEPLOYMENT = {
  secret: "a-secret-of-forty-characters-for-measure",
  redirect_uri: "https://app.example/cb",
  scope: "openid api1",
  audience: "https://api1.example",
  password: "a password for measuring",
  /** They are called person0, person1 and so on. */
  people: 64,
} as const;

/** Clients by what they do. All authenticate with the same secret by HTTP Basic. */
export const CLIENTS = {
  service: "service",
  web: "web",
  opaque: "opaque",
  firstParty: "first-party",
  resourceServer: "resource-server",
} as const;

export type ClientName = keyof typeof CLIENTS;

export function credentialsOf(client: ClientName): Record<string, string> {
  const pair = `${CLIENTS[client]}:${DEPLOYMENT.secret}`;
  return { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

export const PEOPLE = Array.from({ length: DEPLOYMENT.people }, (_, index) => `person${index}`);

const { secret: client_secret, redirect_uri, scope } = DEPLOYMENT;
const web = {
  client_secret,
  grant_types: ["authorization_code", "refresh_token"],
  scope,
  redirect_uris: [redirect_uri],
  consent: "implicit",
  // As the other candidates; the default is RS256, whose signatures take far longer.
  id_token_signed_response_alg: "ES256",
};

/** The provisioning file of Jeton. */
export const PROVISION = {
  scopes: [{ name: "api1", audience: DEPLOYMENT.audience }],
  clients: [
    { client_id: CLIENTS.service, client_secret, grant_types: ["client_credentials"], scope: "api1" },
    { client_id: CLIENTS.web, ...web },
    { client_id: CLIENTS.opaque, ...web, access_token_format: "opaque" },
    { client_id: CLIENTS.firstParty, client_secret, grant_types: ["password"], scope: "api1" },
    { client_id: CLIENTS.resourceServer, client_secret, scope: "jeton:introspect" },
  ],
  users: PEOPLE.map((name) => ({
    sub: `user-${name}`,
    preferred_username: name,
    password: DEPLOYMENT.password,
  })),
};
