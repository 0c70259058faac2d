import { newId } from "../../clock.js";
import { homePageOf } from "../../clients/redirect-uri.js";
import type { Client } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import { openGrant } from "../../store/grants.js";
import { answerPushedRequest } from "../../store/pushed-requests.js";
import type { LiveSession } from "../../store/sessions.js";
import { writeAuthorizationCode } from "../../tokens/authorization-code.js";
import { signAuthorizationResponse } from "../../tokens/authorization-response.js";
import { PASSWORD_ACR } from "./claims-parameter.js";
import type { AuthorizationRequest } from "./request.js";
import { appLink } from "./stale.js";
import type { AnswerTarget } from "./target.js";
import type { BrowserAnswer } from "../view.js";

/** Lifetime of an authorization code, in seconds (RFC 6749 section 4.1.2 recommends at most ten minutes). */
const CODE_LIFETIME = 60;

/**
 * Every answer names its issuer, so that a client of several servers cannot confuse them (RFC 9207). A signed one has all its
 * parameters in one JWT, errors too (JARM section 2.3).
 */
async function answer(
  core: Core,
  to: AnswerTarget,
  client: Client,
  members: Readonly<Record<string, string>>,
): Promise<BrowserAnswer> {
  const { redirect_uri, response_mode, leads_to, state, signed } = to;
  const parameters = { ...members, ...(state === undefined ? {} : { state }), iss: core.issuer };
  return {
    kind: "answer",
    to: { redirect_uri, response_mode, leads_to },
    parameters: signed === true ? { response: await signAuthorizationResponse(core, client, parameters) } : parameters,
  };
}

/**
 * A pushed request gets one answer, also if it is open in two tabs (RFC 9126 section 7.3). Its first answer counts.
 * @throws Refusal request_uri_answered
 */
async function claimAnswer({ db, clock }: Core, { pushed }: AnswerTarget, client: Client): Promise<void> {
  if (pushed === undefined || (await answerPushedRequest(db, pushed, clock.statement()))) return;
  throw new Refusal("request_uri_answered", { app: appLink(client, homePageOf(client.redirect_uris)) });
}

/** Sends the person back to the client with an error (RFC 6749 section 4.1.2.1). */
export async function answerWithRefusal(
  core: Core,
  to: AnswerTarget,
  client: Client,
  refusal: Refusal,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  await claimAnswer(core, to, client);
  facts.refusal = refusal;
  return answer(core, to, client, { error: refusal.error, error_description: refusal.message });
}

/** Opens the grant, and sends the person back to the client with the grant's code (RFC 6749 section 4.1.2). */
export async function answerWithCode(
  core: Core,
  request: AuthorizationRequest,
  client: Client,
  session: LiveSession,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  await claimAnswer(core, request, client);
  const grant_id = newId(core.random);
  const { redirect_uri, redirect_uri_given, code_challenge = null, nonce = null } = request;
  await openGrant(
    core.db,
    {
      id: grant_id,
      client_id: client.client_id,
      sub: session.sub,
      user_epoch: session.user_epoch,
      client_epoch: client.token_epoch,
      dialect: request.dialect,
      scope: request.scope,
      auth_time: session.auth_time,
      amr: session.amr,
      // The exchange of the code replaces these lifetimes with the client's (store/authorization-codes.ts).
      idle: CODE_LIFETIME,
      absolute: CODE_LIFETIME,
      sid: session.sid,
      acr: request.wants_acr ? PASSWORD_ACR : null,
      id_token_claims: request.id_token_claims,
      userinfo_claims: request.userinfo_claims,
      claims_locales: request.claims_locales,
      code: { redirect_uri, redirect_uri_given, code_challenge, nonce, lifetime: CODE_LIFETIME },
    },
    core.clock.statement(),
  );
  facts.sub = session.sub;
  facts.user_epoch = session.user_epoch;
  facts.grant_id = grant_id;
  facts.scope_granted = request.scope;
  return answer(core, request, client, { code: writeAuthorizationCode(core.master, grant_id, request.dpop_jkt) });
}
