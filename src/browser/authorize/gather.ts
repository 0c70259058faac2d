import { homePageOf } from "../../clients/redirect-uri.js";
import type { Client } from "../../clients/registry.js";
import { flawOfRequestObject, verifyRequestObject, type RequestObjectClaims } from "../../clients/request-object.js";
import type { Core } from "../../core.js";
import { isRefusal, Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import type { Form } from "../../http/form.js";
import { readOptional } from "../../http/parameters.js";
import { openPushedRequest } from "../../store/pushed-requests.js";
import { appLink } from "./stale.js";

/**
 * Gathers the parameters of an authorization request. They are sent themselves, inside a signed object (RFC 9101), or were
 * pushed before (RFC 9126). The later stages read one form, and do not know where it comes from.
 */

/** The beginning of each request_uri that this server gives out (RFC 9126 section 2.2). */
export const REQUEST_URI = "urn:ietf:params:oauth:request_uri:";

/** The parameters that replace all others. */
export const REFERENCES = ["request", "request_uri"] as const;

export interface Gathered {
  /** The parameters that count. */
  readonly form: Form;
  /** The id of the pushed request that they are from. */
  readonly pushed?: string | undefined;
  /** Whether they come from a signed object. */
  readonly isSigned?: boolean;
  /** The refusal of the whole request. It is sent to the address in the form. */
  readonly flaw?: Refusal | undefined;
}

/**
 * Gathers a request that a browser brings. Parameters beside a request_uri or an object are ignored (RFC 9101 section 6.3).
 * @throws Refusal request_uri_unknown, request_uri_answered; no address is known for these
 */
export async function gather(core: Core, client: Client, sent: Form): Promise<Gathered> {
  // No rule says which of two values counts, so nothing is read from them. The next stage refuses them.
  if (sent.repeated.size > 0) return { form: sent };
  const uri = sent.parameters.get("request_uri");
  if (uri?.startsWith(REQUEST_URI) === true) return openPushed(core, client, uri.slice(REQUEST_URI.length));
  try {
    // Nothing is fetched (RFC 9101 section 10.4).
    if (uri !== undefined) throw new Refusal("request_uri_unsupported");
    requirePushed(client);
    return await openObject(core, client, sent);
  } catch (error) {
    if (isRefusal(error)) return { form: sent, flaw: error };
    throw error;
  }
}

/** Gathers a request that its authenticated client pushes. @throws Refusal */
export async function gatherPushed(core: Core, client: Client, sent: Form): Promise<Form> {
  if (sent.parameters.has("request_uri")) throw new Refusal("request_uri_pushed");
  const { form, flaw } = await openObject(core, client, sent);
  if (flaw !== undefined) throw flaw;
  return form;
}

/** @throws Refusal pushed_request_required for a client that has to push its requests */
export function requirePushed({ require_pushed_authorization_requests: has }: Client): void {
  if (has) throw new Refusal("pushed_request_required");
}

/** @throws Refusal request_object_required for a client that has to sign its requests */
export function requireSigned({ require_signed_request_object: has }: Client): void {
  if (has) throw new Refusal("request_object_required");
}

async function openPushed({ db, clock }: Core, client: Client, id: string): Promise<Gathered> {
  const found = await openPushedRequest(db, id, client.client_id, clock.statement());
  const app = appLink(client, homePageOf(client.redirect_uris));
  if (found === "unknown") throw new Refusal("request_uri_unknown", { app });
  if (found === "answered") throw new Refusal("request_uri_answered", { app });
  return { form: formOf(Object.entries(found)), pushed: id };
}

/** The parameters in a signed object, or the sent ones if there is none. */
async function openObject(core: Core, client: Client, sent: Form): Promise<Gathered> {
  const object = readOptional("request", sent.parameters);
  if (object === undefined) {
    requireSigned(client);
    return { form: sent };
  }
  const claims = await verifyRequestObject(object, client, core.keySets);
  return { form: formOf(parametersOf(claims)), isSigned: true, flaw: flawOfRequestObject(claims, client, core) };
}

/** The parameters of an object, as the texts that they are in a form. A claim without a value counts as absent. */
function parametersOf(claims: RequestObjectClaims): readonly (readonly [string, string])[] {
  return Object.entries(claims).flatMap(([name, value]): (readonly [string, string])[] =>
    value === null || value === undefined || value === "" ? [] : [[name, textOf(name, value)]],
  );
}

/** Numbers and objects are written as JSON (OpenID Connect Core section 6.1), and a list of resources as http/form.ts has it. */
function textOf(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  const isList = name === "resource" && Array.isArray(value);
  return isList ? value.map((one) => textOf("", one)).join(" ") : JSON.stringify(value);
}

function formOf(pairs: readonly (readonly [string, string])[]): Form {
  return { parameters: new Map(pairs), repeated: new Set() };
}

/** Notes the client of a request. */
export function noteClient(facts: AuditFacts, client: Client | undefined): void {
  facts.client_id = client?.client_id;
  facts.client_epoch = client?.token_epoch;
}

/** Notes how a request came, for deciding it again. */
export function noteRequest(facts: AuditFacts, { form: { parameters }, pushed, isSigned = false }: Gathered): void {
  facts.authorization = {
    redirect_uri: parameters.get("redirect_uri"),
    is_pushed: pushed !== undefined,
    is_signed: isSigned,
    has_challenge: parameters.has("code_challenge") || parameters.has("code_challenge_method"),
  };
}
