import { homePageOf } from "../../clients/redirect-uri.js";
import type { Client } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import type { Form } from "../../http/form.js";
import { openPushedRequest } from "../../store/pushed-requests.js";
import { appLink } from "./stale.js";

/**
 * Gathers the parameters of an authorization request. They are sent themselves, or were pushed before (RFC 9126). The later
 * stages read one form, and do not know where it comes from.
 */

/** The beginning of each request_uri that this server gives out (RFC 9126 section 2.2). */
export const REQUEST_URI = "urn:ietf:params:oauth:request_uri:";

/** The parameters that stand for others. */
export const REFERENCES = ["request", "request_uri"] as const;

interface Gathered {
  /** The parameters that count. */
  readonly form: Form;
  /** The id of the pushed request that they are from. */
  readonly pushed?: string | undefined;
  /** The refusal of the whole request. It is sent to the address in the form. */
  readonly flaw?: Refusal | undefined;
}

/**
 * Gathers a request that a browser brings. If it names a pushed one, its other parameters are ignored (RFC 9101 section 6.3).
 * @throws Refusal request_uri_unknown, request_uri_answered; no address is known for these
 */
export async function gather(core: Core, client: Client, sent: Form): Promise<Gathered> {
  // No rule says which of two values counts, so nothing is read from them. The next stage refuses them.
  if (sent.repeated.size > 0) return { form: sent };
  const uri = sent.parameters.get("request_uri");
  if (uri?.startsWith(REQUEST_URI) === true) return openPushed(core, client, uri.slice(REQUEST_URI.length));
  const flaw = flawOf(client, sent);
  return { form: sent, flaw };
}

async function openPushed({ db, clock }: Core, client: Client, id: string): Promise<Gathered> {
  const found = await openPushedRequest(db, id, client.client_id, clock.statement());
  const app = appLink(client, homePageOf(client.redirect_uris));
  if (found === "unknown") throw new Refusal("request_uri_unknown", { app });
  if (found === "answered") throw new Refusal("request_uri_answered", { app });
  return { form: { parameters: new Map(Object.entries(found)), repeated: new Set() }, pushed: id };
}

/** The refusal of parameters that were not pushed. */
function flawOf({ require_pushed_authorization_requests }: Client, { parameters }: Form): Refusal | undefined {
  // Nothing is fetched (RFC 9101 section 10.4).
  if (parameters.has("request_uri")) return new Refusal("request_uri_unsupported");
  if (require_pushed_authorization_requests) return new Refusal("pushed_request_required");
  return parameters.has("request") ? new Refusal("request_object_unsupported") : undefined;
}

/** Gathers a request that its authenticated client pushes. @throws Refusal */
export function gatherPushed(sent: Form): Form {
  if (sent.parameters.has("request_uri")) throw new Refusal("request_uri_pushed");
  if (sent.parameters.has("request")) throw new Refusal("request_object_unsupported");
  return sent;
}
