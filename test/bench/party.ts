import { Browser, pkce, query } from "../support/web.js";
import type { Reply } from "../support/instance.js";
import type { Candidate } from "./candidates.js";
import { CLIENTS, credentialsOf, DEPLOYMENT, PEOPLE, type ClientName } from "./deployment.js";
import { FORM_ANSWER, type Load, type Phase, type PhaseResult } from "./load.js";

/** Seconds that a preparation may take. */
const PATIENCE = 300;

/** A code in the address to which a browser is sent. */
const CODE = "[?&]code=([^&\\s]+)";

const { redirect_uri, password } = DEPLOYMENT;

/** When the generator stops, and how many connections it may use. */
interface Limits {
  readonly seconds: number;
  readonly requests?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly tellsTimes?: boolean | undefined;
}

/** A candidate that runs, as its clients see it. It prepares what a round needs, over the protocol. */
export class Party {
  /** The cookies of a person who has signed in. */
  #session: string | undefined;
  readonly #pkce = pkce();

  constructor(
    readonly candidate: Candidate,
    readonly url: string,
    readonly connections: number,
    private readonly generate: (phase: Phase) => Promise<PhaseResult>,
  ) {}

  /** The PKCE challenge of its authorizations. */
  get codeChallenge(): string {
    return this.#pkce.challenge.code_challenge;
  }

  /** Sends a load until its seconds are over, or its requests are sent. */
  send(load: Load, limits: Limits): Promise<PhaseResult> {
    const port = Number(new URL(this.url).port);
    const { maxConnections = Infinity, ...others } = limits;
    return this.generate({ port, connections: Math.min(this.connections, maxConnections), load, ...others });
  }

  /** Requests to the token endpoint. */
  tokenLoad(client: ClientName, form: Readonly<Record<string, string>>): Load {
    const expects = { ...FORM_ANSWER, contains: ['"access_token"'] };
    return { target: this.candidate.paths.token, headers: credentialsOf(client), form, expects };
  }

  /** The exchange of each code for tokens. */
  codeLoad(client: ClientName, codes: readonly string[]): Load {
    const form = { grant_type: "authorization_code", redirect_uri, code_verifier: this.#pkce.verifier };
    return { ...this.tokenLoad(client, form), own: { name: "code", values: codes, use: "once" } };
  }

  /** Authorizations of a person who is signed in. Each brings a code. */
  async authorizationLoad(client: ClientName, scope: string): Promise<Load> {
    const target = this.#authorize(client, scope);
    this.#session ??= await this.#signIn(target);
    return { target, headers: { Cookie: this.#session }, expects: { statuses: [302, 303], brings: CODE } };
  }

  /** Authorization codes of a person who is signed in, each of an authorization of its own. */
  async codes(client: ClientName, scope: string, count: number): Promise<readonly string[]> {
    return this.#collect(await this.authorizationLoad(client, scope), count);
  }

  /** Tokens of logins, each of a login of its own. */
  async tokens(client: ClientName, scope: string, count: number, which: "access_token" | "refresh_token") {
    const load = this.codeLoad(client, await this.codes(client, scope, count));
    return this.#collect({ ...load, expects: { ...FORM_ANSWER, brings: `"${which}":"([^"]+)"` } }, count);
  }

  async #collect(load: Load, requests: number): Promise<readonly string[]> {
    const { brought, example } = await this.send(load, { seconds: PATIENCE, requests });
    if (brought.length === requests) return brought;
    const { title } = this.candidate;
    throw new Error(
      `${title} answered ${brought.length} of ${requests} requests to ${load.target} as expected: ${example}`,
    );
  }

  #authorize(client: ClientName, scope: string): string {
    const parameters = { response_type: "code", client_id: CLIENTS[client], redirect_uri, scope, state: "bench-state" };
    return `${this.candidate.paths.authorize}?${query({ ...parameters, ...this.#pkce.challenge })}`;
  }

  /** Walks the pages to the code. A candidate without a login form signs everybody in. @returns the cookies */
  async #signIn(target: string): Promise<string> {
    const browser = new Browser({
      send: (path, init) => this.#fetch(path, init),
      post: (path, form, headers) =>
        this.#fetch(path, {
          method: "POST",
          body: new URLSearchParams(form as Record<string, string>),
          headers: headers ?? {},
        }),
    });
    let page = await browser.open(target);
    if (page.text.includes('id="login"')) {
      page = await browser.submit(page, "login", { username: PEOPLE[0]!, password, action: "login" });
    }
    if (page.headers.get("location")?.startsWith(redirect_uri) !== true)
      throw new Error(`${this.candidate.title} gave no code but ${page.status} ${page.text.slice(0, 300)}`);
    return [...browser.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  /** Sends one request. A redirect within the server becomes a path, as the browser of the tests expects it. */
  async #fetch(path: string, init: RequestInit = {}): Promise<Reply> {
    const response = await fetch(`${this.url}${path}`, { ...init, redirect: "manual" });
    const headers = new Headers(response.headers);
    const location = headers.get("location");
    if (location?.startsWith(`${this.url}/`)) headers.set("location", location.slice(this.url.length));
    return { status: response.status, headers, text: await response.text(), json: undefined };
  }
}
