import { z } from "zod";
import { isRegistered } from "../clients/redirect-uri.js";
import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import { withoutRepetition } from "../http/form.js";
import { optional, readParameters } from "../http/parameters.js";
import { isUsable } from "../store/uma-tickets.js";
import { readTicket } from "../tokens/permission-ticket.js";
import { sendBack } from "./authorize/answer-claims.js";
import { ACCOUNT_PATH } from "./paths.js";
import type { Step } from "./step.js";

/**
 * The claims interaction endpoint (UMA 2.0 Grant sections 3.3.2 and 3.3.3). A client sends a person here with its
 * ticket. The person logs in, and the client gets a new ticket that knows the person. The client learns nothing else.
 */

const parameters = z.object({
  client_id: optional,
  ticket: optional,
  claims_redirect_uri: optional,
  state: optional,
});

/** The person agrees to this scope (tokens/claims.ts). */
const CONSENT_SCOPE = ["uma_claims"] as const;

/**
 * Reads a request and begins its interaction.
 * @throws Refusal shown on an error page of our own, as long as no redirect URI is known to be the client's
 */
export const gatherClaims: Step = async ({ core, authorization }, { form, visit, facts }) => {
  withoutRepetition(form);
  const { client_id, ticket, claims_redirect_uri, state } = readParameters(parameters, form.parameters);
  const client = client_id === undefined ? null : await core.registry.find(client_id);
  if (client === null || client.disabled) throw new Refusal("client_unknown");
  facts.client_id = client.client_id;
  const redirect_uri = redirectUriOf(client, claims_redirect_uri);
  const target = { redirect_uri, state };
  const ticket_id = ticket === undefined ? undefined : readTicket(core.master, ticket);
  if (ticket_id === undefined || !(await isUsable(core.db, ticket_id, client.client_id, core.clock.statement()))) {
    return sendBack(target, new Refusal("claims_ticket_invalid"), facts);
  }
  const request = {
    client_id: client.client_id,
    ...target,
    response_mode: "query",
    leads_to: [redirect_uri, ...client.web_origins, ...client.claims_redirect_uris],
    consent_scope: CONSENT_SCOPE,
    prompt: [],
    ticket_id,
  } as const;
  return authorization.open({ kind: "claims", request, again: ACCOUNT_PATH }, visit);
};

/** The redirect URI may be left out only if a single one is registered (section 3.3.2). */
function redirectUriOf({ claims_redirect_uris: registered }: Client, requested: string | undefined): string {
  const [only, another] = registered;
  const uri = requested ?? (another === undefined ? only : undefined);
  if (uri === undefined || !isRegistered(uri, registered)) throw new Refusal("claims_redirect_uri_unknown");
  return uri;
}
