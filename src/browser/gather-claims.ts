import { z } from "zod";
import { newId } from "../clock.js";
import { isRegistered, withAnswer } from "../clients/redirect-uri.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import type { AuditFacts } from "../http/decision.js";
import { withoutRepetition, type Form } from "../http/form.js";
import { optional, readParameters } from "../http/parameters.js";
import type { LiveSession } from "../store/sessions.js";
import { isUsable, replaceTicket } from "../store/uma-tickets.js";
import { readTicket, writeTicket } from "../tokens/permission-ticket.js";
import type { Authorization } from "./authorize/authorization.js";
import type { Next } from "./authorize/next.js";
import { ACCOUNT_PATH } from "./paths.js";
import type { AnswerTarget } from "./authorize/request.js";
import type { BrowserAnswer, Visit } from "./view.js";

/**
 * Interactive claims gathering (UMA 2.0 Grant sections 3.3.2 and 3.3.3): the client sends a person here with its ticket,
 * they say who they are, and the client is given a ticket that knows it. What the client hears is the ticket.
 */

const parameters = z.object({
  client_id: optional,
  ticket: optional,
  claims_redirect_uri: optional,
  state: optional,
});

/** What the person is asked to agree to, as a scope is (tokens/claims.ts). */
const CONSENT_SCOPE = ["uma_claims"] as const;

/** A request as it is stored until it is answered. */
export interface ClaimsGatheringRequest extends AnswerTarget {
  readonly client_id: string;
  readonly consent_scope: readonly string[];
  readonly prompt: readonly [];
  /** The name of the ticket, which opens nothing without its MAC. */
  readonly ticket_id: string;
}

/**
 * Reads a request and begins with it.
 * @throws Refusal where it is not known where to send anybody: shown on our own page
 */
export async function gatherClaims(
  { core, authorization }: { readonly core: Core; readonly authorization: Authorization },
  form: Form,
  visit: Visit,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  withoutRepetition(form);
  const { client_id, ticket, claims_redirect_uri, state } = readParameters(parameters, form.parameters);
  const client = client_id === undefined ? null : await core.registry.find(client_id);
  if (client === null || client.disabled) throw new Refusal("client_unknown");
  facts.client_id = client.client_id;
  const redirect_uri = redirectUriOf(client, claims_redirect_uri);
  const target = { redirect_uri, ...(state === undefined ? {} : { state }) };
  const ticket_id = ticket === undefined ? undefined : readTicket(core.master, ticket);
  if (ticket_id === undefined || !(await isUsable(core.db, ticket_id, client.client_id, core.clock.statement()))) {
    return sendBack(target, new Refusal("claims_ticket_invalid"), facts);
  }
  const request: ClaimsGatheringRequest = {
    client_id: client.client_id,
    ...target,
    response_mode: "query",
    leads_to: [redirect_uri, ...client.web_origins, ...client.claims_redirect_uris],
    consent_scope: CONSENT_SCOPE,
    prompt: [],
    ticket_id,
  };
  return authorization.open({ kind: "claims", request, again: ACCOUNT_PATH }, visit);
}

/** It may be left out only where there is one (section 3.3.2). */
function redirectUriOf({ claims_redirect_uris: registered }: Client, named: string | undefined): string {
  const [only, another] = registered;
  const uri = named ?? (another === undefined ? only : undefined);
  if (uri === undefined || !isRegistered(uri, registered)) throw new Refusal("claims_redirect_uri_unknown");
  return uri;
}

/** What an answer may say (section 3.3.3); what the registered URI itself has of such names is dropped. */
const ANSWER = ["ticket", "state", "error", "error_description"] as const;

/** The way back to a client. */
type Target = Pick<ClaimsGatheringRequest, "redirect_uri" | "state">;

function leave({ redirect_uri, state }: Target, said: Readonly<Record<string, string>>): BrowserAnswer {
  const whole = { ...said, ...(state === undefined ? {} : { state }) };
  return { kind: "leave", uri: withAnswer(redirect_uri, whole, ANSWER) };
}

function sendBack(target: Target, refusal: Refusal, facts: AuditFacts): BrowserAnswer {
  facts.refusal = refusal;
  return leave(target, { error: refusal.error, error_description: refusal.message });
}

/** Answers the client: with a ticket that knows the person, or that there is none. */
export async function answerClaims(
  { db, clock, random, master }: Core,
  { client_id, ticket_id, ...target }: ClaimsGatheringRequest,
  session: LiveSession | undefined,
  step: Next,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  if (step.step !== "issue" || session === undefined) return sendBack(target, new Refusal("access_denied"), facts);
  facts.sub = session.sub;
  const id = newId(random);
  const { sub, user_epoch } = session;
  const replaced = await replaceTicket(db, ticket_id, client_id, { id, sub, user_epoch }, clock.statement());
  if (!replaced) {
    const reason = "it was used or ran out meanwhile";
    return sendBack(target, new Refusal("claims_ticket_invalid", { reason }), facts);
  }
  return leave(target, { ticket: writeTicket(master, id) });
}
