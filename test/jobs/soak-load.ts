import { setTimeout as delay } from "node:timers/promises";
import { CLIENTS, credentialsOf, DEPLOYMENT, PEOPLE, type ClientName } from "../bench/deployment.js";
import type { Form, Reply } from "../support/instance.js";
import { requestsTo, type Requests } from "../support/requests.js";
import { answerOf, Browser, pkce, query } from "../support/web.js";

const { redirect_uri, password } = DEPLOYMENT;
const TOKEN = "/oauth2/token";

/** Refresh tokens that are kept to be exchanged. Each is the latest of its login. */
const MAX_CHAINS = 200;

/** Access tokens that are kept to be introspected. */
const MAX_TOKENS = 500;

/**
 * The kinds of requests, and how many there are of each in a hundred. One more in a hundred is a password, whose check takes as
 * long as fifty others.
 */
const MIX = {
  client_credentials: 24,
  refresh: 20,
  introspection: 20,
  code: 12,
  revocation: 6,
  refusal: 10,
  page: 7,
  password: 1,
} as const;
type Kind = keyof typeof MIX;

/** A steady mixed load on the deployment of the benchmark. It remembers a bounded number of tokens. */
export class SoakLoad {
  readonly kinds: Record<string, number> = {};
  unexpected = 0;
  /** The first unexpected answer. */
  example: string | undefined;
  readonly #server: Requests;
  readonly #browser: Browser;
  readonly #pkce = pkce();
  readonly #chains: Chain[] = [];
  readonly #tokens: string[] = [];
  #turn = 0;

  constructor(url: string) {
    this.#server = requestsTo(url);
    this.#browser = new Browser(this.#server);
  }

  /** Requests so far. */
  get requests(): number {
    return Object.values(this.kinds).reduce((sum, count) => sum + count, 0);
  }

  /** Sends requests at a steady rate. A request that is late does not delay the next one. */
  async send(rate: number, seconds: number): Promise<void> {
    await this.#logIn();
    const order = inTurns();
    const underWay = new Set<Promise<void>>();
    const began = performance.now();
    for (let sent = 0; sent < rate * seconds; sent += 1) {
      await delay(Math.max(0, began + (sent * 1_000) / rate - performance.now()));
      const request = this.#one(order[sent % order.length]!).finally(() => underWay.delete(request));
      underWay.add(request);
    }
    await Promise.all(underWay);
  }

  /** Logs a person in by the form, so that authorizations need no page. */
  async #logIn(): Promise<void> {
    const page = await this.#browser.open("/account");
    await this.#browser.submit(page, "login", { username: PEOPLE[0]!, password, action: "login" });
  }

  async #one(kind: Kind): Promise<void> {
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
    this.#turn += 1;
    try {
      await this.#requests[kind]();
    } catch (error) {
      this.unexpected += 1;
      this.example ??= `${kind}: ${String(error)}`;
    }
  }

  readonly #requests: Readonly<Record<Kind, () => Promise<void>>> = {
    client_credentials: async () => {
      this.#keep("service", await this.#token("service", { grant_type: "client_credentials" }));
    },
    refresh: async () => {
      const { client, refresh_token } = this.#chains.shift() ?? {};
      if (client === undefined) return this.#requests.code();
      this.#keep(client, await this.#token(client, { grant_type: "refresh_token", refresh_token }));
    },
    introspection: async () => {
      const token = this.#tokens[this.#turn % this.#tokens.length] ?? "unknown";
      const reply = await this.#server.post("/oauth2/introspect", { token }, credentialsOf("resourceServer"));
      expectStatus(reply, 200);
    },
    code: async () => {
      const client = this.#turn % 4 === 0 ? "opaque" : "web";
      this.#keep(client, await this.#exchange(client));
    },
    revocation: async () => {
      const { refresh_token: token } = await this.#exchange("web");
      expectStatus(await this.#server.post("/oauth2/revoke", { token }, credentialsOf("web")), 200);
    },
    refusal: async () => {
      const [status, refused] = this.#refusals[this.#turn % this.#refusals.length]!;
      expectStatus(await refused(), status);
    },
    page: async () => {
      const path = PAGES[this.#turn % PAGES.length]!;
      expectStatus(await this.#browser.open(path), 200);
    },
    password: async () => {
      const username = PEOPLE[this.#turn % PEOPLE.length]!;
      await this.#token("firstParty", { grant_type: "password", scope: "api1", username, password });
    },
  };

  readonly #refusals: readonly (readonly [number, () => Promise<Reply>])[] = [
    [401, () => this.#server.post(TOKEN, { grant_type: "client_credentials", client_id: "nobody" })],
    [400, () => this.#ask("service", { grant_type: "unknown" })],
    [400, () => this.#ask("web", { grant_type: "refresh_token", refresh_token: "unknown" })],
    [400, () => this.#ask("web", { grant_type: "authorization_code", code: "unknown", redirect_uri })],
    [404, () => this.#server.send(`/nowhere/${this.#turn}`)],
    [401, () => this.#server.send("/oauth2/userinfo", { headers: { Authorization: "Bearer unknown" } })],
    [400, () => this.#server.send(`/oauth2/authorize?client_id=unknown-${this.#turn}&response_type=code`)],
  ];

  #ask(client: ClientName, form: Form): Promise<Reply> {
    return this.#server.post(TOKEN, form, credentialsOf(client));
  }

  /** @throws Error unless tokens are issued */
  async #token(client: ClientName, form: Form): Promise<Tokens> {
    return expectStatus(await this.#ask(client, form), 200).json as Tokens;
  }

  /** Authorizes in the browser, and exchanges the code. */
  async #exchange(client: "web" | "opaque"): Promise<Tokens> {
    const scope = client === "web" ? "openid api1" : "api1";
    const asked = { response_type: "code", client_id: CLIENTS[client], redirect_uri, scope, state: "s" };
    const reply = await this.#browser.get(`/oauth2/authorize?${query({ ...asked, ...this.#pkce.challenge })}`);
    const { code } = answerOf(expectStatus(reply, 303));
    const form = { grant_type: "authorization_code", redirect_uri, code, code_verifier: this.#pkce.verifier };
    return this.#token(client, form);
  }

  /** Keeps the tokens for later requests. The oldest ones are forgotten. */
  #keep(client: ClientName, { access_token, refresh_token }: Tokens): void {
    this.#tokens.push(access_token);
    if (this.#tokens.length > MAX_TOKENS) this.#tokens.shift();
    if (refresh_token !== undefined && this.#chains.length < MAX_CHAINS) this.#chains.push({ client, refresh_token });
  }
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string;
}

interface Chain {
  readonly client: ClientName;
  readonly refresh_token: string;
}

const PAGES = ["/account", "/.well-known/openid-configuration", "/oauth2/jwks", "/readyz", "/healthz"];

function expectStatus(reply: Reply, status: number): Reply {
  if (reply.status === status) return reply;
  throw new Error(`${reply.status} instead of ${status}: ${reply.text.slice(0, 300)}`);
}

/** Each kind as often as MIX says, spread evenly over a hundred turns. */
function inTurns(): readonly Kind[] {
  const turns = Object.entries(MIX).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index) => ({ kind: kind as Kind, at: (index + 0.5) / count })),
  );
  return turns.sort((one, other) => one.at - other.at).map(({ kind }) => kind);
}
