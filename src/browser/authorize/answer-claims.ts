import { withAnswer } from "../../clients/redirect-uri.js";
import { newId } from "../../clock.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import type { LiveSession } from "../../store/sessions.js";
import { replaceTicket } from "../../store/uma-tickets.js";
import { writeTicket } from "../../tokens/permission-ticket.js";
import type { BrowserAnswer } from "../view.js";
import type { Next } from "./next.js";
import type { AnswerTarget } from "./target.js";

/** The end of interactive claims gathering (UMA 2.0 Grant section 3.3.3): the client gets a ticket, or an error. */

/** A claims gathering request, as it is stored until it is answered. */
export interface ClaimsGatheringRequest extends AnswerTarget {
  readonly client_id: string;
  readonly consent_scope: readonly string[];
  readonly prompt: readonly [];
  /** The id of the ticket, which is worth nothing without the MAC of the ticket. */
  readonly ticket_id: string;
}

/** The parameters of the answer (section 3.3.3). Parameters of the registered URI with these names are dropped. */
const ANSWER = ["ticket", "state", "error", "error_description"] as const;

type Target = Pick<ClaimsGatheringRequest, "redirect_uri" | "state">;

function leave({ redirect_uri, state }: Target, parameters: Readonly<Record<string, string>>): BrowserAnswer {
  const answer = { ...parameters, ...(state === undefined ? {} : { state }) };
  return { kind: "leave", uri: withAnswer(redirect_uri, answer, ANSWER) };
}

/** Sends the person back to the client with an error. */
export function sendBack(target: Target, refusal: Refusal, facts: AuditFacts): BrowserAnswer {
  facts.refusal = refusal;
  return leave(target, { error: refusal.error, error_description: refusal.message });
}

/** Sends the person back to the client with a new ticket that knows the person. If they declined, with an error. */
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
    const reason = "the ticket was used, or it expired before the person answered";
    return sendBack(target, new Refusal("claims_ticket_invalid", { reason }), facts);
  }
  return leave(target, { ticket: writeTicket(master, id) });
}
