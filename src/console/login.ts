import { hash } from "node:crypto";
import { newSecret } from "../clock.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { exchange } from "../grants/exchange.js";
import type { GrantRegistry } from "../grants/grant.js";
import type { RequestSpelling } from "../grants/spelling.js";
import type { AuditFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";
import { secretOfConsole } from "./client.js";
import { MAX_LOGIN_AGE } from "./administrator.js";
import { CALLBACK_PATH, CONSOLE_CLIENT_ID, CONSOLE_SCOPE, type ConsolePlace } from "./place.js";
import type { Waiting } from "./waiting.js";

/**
 * The console logs its people in like every other client: authorization code with PKCE (RFC 7636), and `iss` in the answer
 * (RFC 9207). Its secret keeps a code useless that was sent to another program's loopback address (docs/decisions).
 */

export interface LoginParts {
  readonly core: Core;
  readonly place: ConsolePlace;
  readonly waiting: Waiting;
  readonly grants: GrantRegistry;
  /** The dialect whose authorization endpoint is used. */
  readonly dialect: RequestSpelling & { readonly authorize?: string };
}

/**
 * Seconds by which the clocks of two instances may differ. A login that one of them accepts is never too old for the other, so the
 * browser is not sent to and fro.
 */
const CLOCKS_APART = 30;

interface LoginState {
  readonly verifier: string;
  /** The page to show after the login, below the console. */
  readonly back: string;
}

/** Begins a login. @param isFresh whether it must not be older than MAX_LOGIN_AGE @returns where the browser goes */
export async function beginLogin(
  { core, place, waiting, dialect }: LoginParts,
  { browser, back, isFresh }: { readonly browser: string; readonly back: string; readonly isFresh: boolean },
): Promise<string> {
  const verifier = newSecret(core.random);
  const state = await waiting.keep(browser, { verifier, back } satisfies LoginState);
  const request = new URLSearchParams({
    response_type: "code",
    client_id: CONSOLE_CLIENT_ID,
    redirect_uri: place.url + CALLBACK_PATH,
    scope: CONSOLE_SCOPE.join(" "),
    state,
    code_challenge: hash("sha256", verifier, "base64url"),
    code_challenge_method: "S256",
    ...(isFresh ? { max_age: String(MAX_LOGIN_AGE - CLOCKS_APART) } : {}),
  });
  return `${core.issuer}${dialect.authorize}?${request}`;
}

/** A finished login. */
interface Arrival {
  /** The access token, which the browser keeps in a cookie. */
  readonly token: string;
  readonly back: string;
}

/**
 * Ends a login.
 * @throws Refusal interaction_unknown if this browser did not begin it, or has ended it before; access_denied
 */
export async function finishLogin(
  { core, place, waiting, grants, dialect }: LoginParts,
  sent: { readonly parameters: Parameters; readonly browser: string | undefined; readonly network: string },
  facts: AuditFacts,
  decision_id: string,
): Promise<Arrival> {
  const value = (name: string) => sent.parameters.get(name) ?? "";
  const state = (await waiting.take(sent.browser, value("state"))) as LoginState | undefined;
  if (state === undefined || value("iss") !== core.issuer) throw new Refusal("interaction_unknown");
  if (sent.parameters.has("error")) throw new Refusal("access_denied", { reason: value("error") });
  const { access_token: token } = await exchange(core, grants, {
    parameters: new Map([
      ["grant_type", "authorization_code"],
      ["code", value("code")],
      ["redirect_uri", place.url + CALLBACK_PATH],
      ["code_verifier", state.verifier],
    ]),
    credentials: { basic: { client_id: CONSOLE_CLIENT_ID, client_secret: secretOfConsole(core) } },
    spelling: dialect,
    assertionAudiences: [],
    network: sent.network,
    facts,
    decision_id,
  });
  return { token, back: state.back };
}
