import type { Client } from "../../clients/registry.js";
import { newId } from "../../clock.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import { answerDeviceCode, DEVICE_CODE } from "../../store/device-codes.js";
import { endGrant, openGrant } from "../../store/grants.js";
import type { LiveSession } from "../../store/sessions.js";
import type { BrowserAnswer } from "../view.js";
import type { Next } from "./next.js";

/** The end of a device authorization in the browser (RFC 8628 section 3.3). The device itself gets its answer when it polls. */

/** A device authorization request, as it is stored until the user answers it. */
export interface DeviceRequest {
  /** The id of the device code, which is worth nothing without its MAC. */
  readonly device_id: string;
  readonly client_id: string;
  readonly scope: readonly string[];
  readonly consent_scope: readonly string[];
  /** The user is asked each time, because another person may have begun the request (RFC 8628 section 5.4). */
  readonly prompt: readonly ["consent"];
}

declare module "../view.js" {
  interface Views {
    device_done: PageView & {
      /** `over`: the code had expired or was answered before. */
      readonly outcome: "allowed" | "denied" | "over";
      readonly clientName: string;
    };
  }
}

/** Records the user's answer for the device, and shows the outcome. */
export async function answerDevice(
  core: Core,
  request: DeviceRequest,
  client: Client,
  session: LiveSession | undefined,
  step: Next,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  const isAllowed = step.step === "issue" && session !== undefined;
  if (!isAllowed) facts.refusal = new Refusal("device_code_denied");
  const isRecorded = isAllowed
    ? await allow(core, request, client, session, facts)
    : await answerDeviceCode(core.db, request.device_id, { answer: "denied" }, core.clock.statement());
  const outcome = !isRecorded ? "over" : isAllowed ? "allowed" : "denied";
  return {
    kind: "show",
    view: { page: "device_done", outcome, clientName: client.client_name ?? client.client_id },
  };
}

/** Opens the grant first: a device that polls at that moment must find it. */
async function allow(
  { db, clock, random }: Core,
  { device_id, scope }: DeviceRequest,
  { client_id, token_epoch }: Client,
  { sub, sid, user_epoch, auth_time, amr }: LiveSession,
  facts: AuditFacts,
): Promise<boolean> {
  const id = newId(random);
  const { lifetime } = DEVICE_CODE;
  const code = { redirect_uri: null, redirect_uri_given: false, code_challenge: null, nonce: null, lifetime };
  const person = { sub, sid, user_epoch, auth_time, amr };
  // The exchange of the code replaces these lifetimes with the client's (store/authorization-codes.ts).
  const lifetimes = { idle: lifetime, absolute: lifetime };
  await openGrant(
    db,
    { id, client_id, client_epoch: token_epoch, ...person, scope, ...lifetimes, code },
    clock.statement(),
  );
  facts.sub = sub;
  const isRecorded = await answerDeviceCode(db, device_id, { answer: "allowed", grant_id: id }, clock.statement());
  if (isRecorded) {
    facts.grant_id = id;
    facts.scope_granted = scope;
  } else {
    await endGrant(db, id, null, clock.statement());
  }
  return isRecorded;
}
