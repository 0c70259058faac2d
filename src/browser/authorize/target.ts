import { z } from "zod";
import { isRegistered } from "../../clients/redirect-uri.js";
import { whyUnusable } from "../../clients/usable.js";
import type { Client } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import { readScope } from "../../grants/scope.js";
import type { Form } from "../../http/form.js";
import { optional, readParameters } from "../../http/parameters.js";

/**
 * The first stage of an authorization request: its client, and the address of the answer. Errors of this stage are shown on
 * a page of our own (RFC 6749 section 4.1.2.1).
 */

/** The ways of an answer to its client (OAuth 2.0 Multiple Response Types, Form Post Response Mode). */
type AnswerWay = "query" | "fragment" | "form_post";

/** The response modes: the way of the answer, and whether it is a signed JWT (JARM section 2.3). */
const MODES = {
  query: ["query", false],
  fragment: ["fragment", false],
  form_post: ["form_post", false],
  "query.jwt": ["query", true],
  "fragment.jwt": ["fragment", true],
  "form_post.jwt": ["form_post", true],
  jwt: ["query", true],
} as const satisfies Readonly<Record<string, readonly [AnswerWay, boolean]>>;

type ResponseMode = keyof typeof MODES;
export const RESPONSE_MODES = Object.keys(MODES) as [ResponseMode, ...ResponseMode[]];

/** The address of the answer, and how the answer gets there. */
export interface AnswerTarget {
  readonly redirect_uri: string;
  readonly response_mode: AnswerWay;
  /** Whether the answer is a JWT that this server signs. */
  readonly signed?: boolean | undefined;
  /**
   * Every address that our forms may end at, the redirect URI first. The client's other addresses are needed because a
   * callback may redirect to its front end. Browsers apply CSP form-action to the whole chain of redirects.
   */
  readonly leads_to: readonly string[];
  readonly state?: string | undefined;
  /** The id of the pushed request that gets the answer (RFC 9126), if it was pushed. */
  readonly pushed?: string | undefined;
}

const schema = z.object({ client_id: optional, redirect_uri: optional });

/** The parameters of this stage. */
export const TARGET_PARAMETERS = Object.keys(schema.shape);

/** The client of a request. @throws Refusal if it is unknown, or if the request names two clients or two addresses */
export async function readClient(
  { clientDocuments }: Core,
  form: Form,
  dialect: string,
  network: string,
): Promise<Client> {
  const repeated = TARGET_PARAMETERS.find((name) => form.repeated.has(name));
  if (repeated !== undefined) throw new Refusal("parameter_repeated", { slots: { name: repeated } });
  const { client_id } = readParameters(schema, form.parameters);
  const client = client_id === undefined ? null : await clientDocuments.current(client_id, network);
  const reason = whyUnusable(client, dialect);
  if (client === null || reason !== undefined) throw new Refusal("client_unknown", { reason });
  return client;
}

/** The redirect URI of a request. @throws Refusal if the client has not registered it */
export function readRedirectUri(client: Client, { parameters }: Pick<Form, "parameters">): string {
  const { redirect_uri } = readParameters(schema, parameters);
  if (redirect_uri === undefined) return onlyRedirectUri(client, parameters);
  if (!isRegistered(redirect_uri, client.redirect_uris)) throw new Refusal("redirect_uri_unknown");
  return redirect_uri;
}

/** The only redirect URI of a client. It must be sent with the scope openid (OpenID Connect Core section 3.1.2.1) and under FAPI 2.0. */
function onlyRedirectUri({ redirect_uris, profile }: Client, parameters: Form["parameters"]): string {
  const [only, another] = redirect_uris;
  const openid = readScope(parameters.get("scope")).includes("openid");
  if (only === undefined || another !== undefined || openid || profile === "fapi2")
    throw new Refusal("redirect_uri_missing");
  return only;
}

/** A POSTed `state` can exceed what a redirect URI can carry, so its encoded length is limited. */
const MAX_STATE_LENGTH = 16_384;
export const returnable = optional.refine(
  (state) => state === undefined || encodeURIComponent(state).length <= MAX_STATE_LENGTH,
);

/**
 * The target of the answer. It can be read even if the rest of the request is malformed.
 * @throws Refusal if the client has not registered the redirect URI
 */
export function readTarget(client: Client, form: Form): AnswerTarget {
  const { parameters, repeated } = form;
  const redirect_uri = readRedirectUri(client, form);
  // A state that is too long or repeated is refused later, and that error is sent without it.
  const { success, data } = returnable.safeParse(parameters.get("state"));
  const state = success && !repeated.has("state") ? data : undefined;
  const mode = repeated.has("response_mode") ? undefined : parameters.get("response_mode");
  const [response_mode, signed] = MODES[RESPONSE_MODES.find((one) => one === mode) ?? "query"];
  return {
    redirect_uri,
    response_mode,
    signed,
    leads_to: [redirect_uri, ...client.web_origins, ...client.redirect_uris],
    state,
  };
}
