import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { auth, UnauthorizedError, type OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import { createRemoteJWKSet, jwtVerify } from "jose";
import t from "tap";
import { ALICE, FLEET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { Browser } from "../support/web.js";

/**
 * The MCP SDK as it comes from npm connects to a protected MCP server that it has never seen. Nothing about the client is
 * registered before: it finds this server by the metadata of the resource, and registers itself.
 */

const SCOPE = "mcp:tools";
const CALLBACK = "http://127.0.0.1:33418/callback";

/** The MCP server: it describes itself (RFC 9728), and checks the tokens that it gets. */
let issuer = "";
const resourceServer = createServer((request, response) => {
  const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`;
  if (request.url === "/.well-known/oauth-protected-resource/mcp") {
    const described = { resource: `${origin}/mcp`, authorization_servers: [issuer], scopes_supported: [SCOPE] };
    return void response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(described));
  }
  if (request.url !== "/mcp") return void response.writeHead(404).end();
  const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  jwtVerify(token, createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`)), {
    issuer,
    audience: `${origin}/mcp`,
    currentDate: new Date(server.core.clock.now()),
  })
    .then(async () => {
      const mcp = new McpServer({ name: "notes", version: "1.0.0" });
      mcp.registerTool("count", { description: "Counts notes" }, () => ({
        content: [{ type: "text", text: "7 notes" }],
      }));
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
      await mcp.connect(transport);
      await transport.handleRequest(request, response);
    })
    .catch(() => response.writeHead(401, { "WWW-Authenticate": `Bearer resource_metadata="${metadata}"` }).end());
});
await new Promise<void>((resolve) => resourceServer.listen(0, "127.0.0.1", resolve));
t.teardown(() => resourceServer.close());
const origin = `http://127.0.0.1:${(resourceServer.address() as AddressInfo).port}`;

const server = await startInstance(t, {
  provision: {
    scopes: [{ name: SCOPE, description: "Use your notes", audience: `${origin}/mcp` }],
    users: FLEET.users,
  },
  env: { REGISTRATION: "open", REGISTRATION_SCOPES: `openid offline_access ${SCOPE}` },
});
issuer = server.core.issuer;

/** What an MCP client keeps, and its user at the browser. */
class Provider implements OAuthClientProvider {
  readonly redirectUrl = CALLBACK;
  readonly clientMetadata = {
    client_name: "Assistant",
    redirect_uris: [CALLBACK],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  client: OAuthClientInformationMixed | undefined;
  kept: OAuthTokens | undefined;
  code: string | null = null;
  asked: URL | undefined;
  #verifier = "";

  clientInformation = () => this.client;
  saveClientInformation = (client: OAuthClientInformationMixed) => void (this.client = client);
  tokens = () => this.kept;
  saveTokens = (tokens: OAuthTokens) => void (this.kept = tokens);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
  async redirectToAuthorization(url: URL): Promise<void> {
    this.asked = url;
    const browser = new Browser(server);
    const login = await browser.open(url.pathname + url.search);
    const consent = await browser.submit(login, "login", { ...ALICE, action: "login" });
    const answer = await browser.submit(consent, "consent", { action: "allow" });
    this.code = new URL(answer.headers.get("location")!).searchParams.get("code");
  }
}

t.test("the MCP SDK connects to a protected resource without any registration before", async (t) => {
  const provider = new Provider();
  const connect = async () => {
    const transport = new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { authProvider: provider });
    const client = new Client({ name: "assistant", version: "1.0.0" });
    return { transport, client, connected: client.connect(transport) };
  };
  const first = await connect();
  t.ok((await first.connected.catch((error: unknown) => error)) instanceof UnauthorizedError);
  t.match(provider.client, { client_id: /^r[A-Za-z0-9_-]{22}$/ }, "it has registered itself");
  t.equal(provider.asked?.searchParams.get("resource"), `${origin}/mcp`);
  await first.transport.finishAuth(provider.code!);
  t.match(provider.kept, { access_token: String, refresh_token: String, scope: new RegExp(SCOPE) });

  const { client, connected } = await connect();
  await connected;
  t.strictSame((await client.callTool({ name: "count" })).content, [{ type: "text", text: "7 notes" }]);
  await client.close();

  const before = provider.kept!.access_token;
  t.equal(await auth(provider, { serverUrl: `${origin}/mcp` }), "AUTHORIZED", "it refreshes by itself");
  t.not(provider.kept!.access_token, before);
});
