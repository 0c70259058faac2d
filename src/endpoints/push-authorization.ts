import type { FastifyPluginAsync } from "fastify";
import { gatherPushed, noteRequest, REQUEST_URI } from "../browser/authorize/gather.js";
import { readRequest, REQUEST_PARAMETERS } from "../browser/authorize/request.js";
import { readTarget } from "../browser/authorize/target.js";
import { isConfidential } from "../clients/methods.js";
import { acceptProof } from "../clients/dpop.js";
import type { Client } from "../clients/registry.js";
import { newId } from "../clock.js";
import type { Core } from "../core.js";
import { PUSHED_REQUEST_LIFETIME, pushRequest } from "../store/pushed-requests.js";
import { Refusal } from "../errors/refusal.js";
import type { OperationRequest } from "./operations.js";

/** The response to a pushed request (RFC 9126 section 2.2). */
interface PushedRequest {
  readonly request_uri: string;
  /** Seconds in which a browser has to open it. */
  readonly expires_in: number;
}

declare module "./operations.js" {
  interface Operations {
    pushAuthorization: PushedRequest;
  }
}

/** The pushed authorization request endpoint (RFC 9126 section 2). */
export const pushAuthorizationEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("pushAuthorization", {
    guard: null,
    cors: "pages of the client",
    // Its clients authenticate as at the token endpoint, so metadata has no list of methods (section 5).
    metadata: { member: "pushed_authorization_request_endpoint", documents: "all" },
    run: push,
  });
};

/**
 * Checks a request as the authorization endpoint does, and stores its parameters. They are checked again when a browser brings
 * the request_uri, because the client may have lost a permission by then.
 */
async function push(request: OperationRequest, core: Core): Promise<PushedRequest> {
  const { spelling, facts } = request;
  const client = await core.authentication.authenticate(request);
  const isSigned = request.parameters.has("request");
  const sent = { parameters: request.parameters, repeated: new Set<string>() };
  noteRequest(facts, { form: sent, pushed: "", isSigned });
  const form = await gatherPushed(core, client, sent);
  noteRequest(facts, { form, pushed: "", isSigned });
  const answer = readTarget(client, form);
  const { scope, dpop_jkt } = await readRequest(core, form, { client, answer, dialect: spelling.name }, facts);
  facts.scope_requested = scope;
  // Any caller can push in the name of a public client.
  if (!isConfidential(client))
    await core.rateLimits.consumeOrThrow({ on: "pushed requests of a network", id: request.network }); // tries_exhausted
  const id = newId(core.random);
  // Any other parameter is left out, client credentials too.
  const known = [...form.parameters].filter(([name]) => REQUEST_PARAMETERS.has(name));
  const jkt = await keyOf(request, core, client, dpop_jkt); // dpop_proof_invalid, dpop_nonce_missing
  const parameters = { ...Object.fromEntries(known), ...(jkt === undefined ? {} : { dpop_jkt: jkt }) };
  await pushRequest(core.db, { id, client_id: client.client_id, parameters }, core.clock.statement());
  return { request_uri: REQUEST_URI + id, expires_in: PUSHED_REQUEST_LIFETIME };
}

/**
 * The key that the code will be bound to: a DPoP proof beside the request names it, as dpop_jkt does (RFC 9449 section 10.1).
 */
async function keyOf(
  { credentials: { proof } }: OperationRequest,
  core: Core,
  client: Client,
  named: string | undefined,
): Promise<string | undefined> {
  if (proof === undefined) return named;
  const jkt = await acceptProof(core, proof, { client });
  const flaw = "dpop_jkt names another key";
  if (named !== undefined && named !== jkt) throw new Refusal("dpop_proof_invalid", { slots: { flaw }, reason: flaw });
  return jkt;
}
