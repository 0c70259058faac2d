import type { AuthenticationRequest } from "../clients/authenticate.js";
import { shownThumbprint } from "../clients/confirmation.js";
import { keyOfProof } from "../clients/dpop.js";
import { bindingsOf } from "../clients/methods.js";
import type { PresentedCredentials } from "../clients/presented.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import type { AuditFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";
import { readOptional, readParameters } from "../http/parameters.js";
import type { GrantHandler, GrantRegistry, Issuance } from "./grant.js";
import { issue, type IssuedTokens } from "./issue.js";
import { permit } from "./permit.js";
import type { RequestSpelling } from "./spelling.js";
import { readTargets, requireScopes } from "./targets.js";

interface ExchangeRequest extends AuthenticationRequest {
  readonly parameters: Parameters;
  readonly spelling: RequestSpelling;
  readonly facts: AuditFacts;
  readonly issuance?: Issuance;
  readonly decision_id: string;
}

/** The steps of every token request, in every grant and dialect. No grant can skip one. */
export async function exchange(core: Core, grants: GrantRegistry, request: ExchangeRequest): Promise<IssuedTokens> {
  const { parameters, spelling, issuance = {}, network, facts, decision_id, assertionAudiences } = request;

  // 1. Which grant is it, and is the request complete?
  const { grant, grant_type } = chooseGrant(grants, request);
  facts.grant_type = grant_type;
  const typed = readParameters(grant.schema, parameters);
  requireFor(spelling, grant_type, parameters);

  // 2. Which client sent it?
  const client = await core.authentication.authenticate(request);

  // 3. May this client use the grant?
  permit(client, grant, grant_type); // grant_type_not_allowed, response_type_not_allowed

  // 4. Which keys does the client hold, so that its tokens are bound to them?
  noteKeys(facts, request.credentials);
  const jkt = await keyOfProof(core, client, request.credentials); // dpop_proof_missing, dpop_proof_invalid, dpop_nonce_missing
  const confirmation = bindingsOf(client, request.credentials, jkt); // client_certificate_missing
  const shown = { "x5t#S256": shownThumbprint(request.credentials), jkt };

  // 5. For which resource servers is the token, and what does the grant decide?
  facts.resource_named = readOptional("resource", parameters);
  const targets = await readTargets(core, client, facts.resource_named); // target_unknown
  const proof = { client, confirmation, shown, assertionAudiences };
  const context = { core, ...proof, targets, spelling, issuance, network, facts, decision_id };
  const entitlement = await grant.decide(typed, context);
  requireScopes(targets, entitlement.scope); // target_unknown

  // 6. Issue the tokens, and add them to the audit facts.
  return issue(context, entitlement);
}

function chooseGrant(
  grants: GrantRegistry,
  { parameters, spelling }: ExchangeRequest,
): { grant: GrantHandler; grant_type: string } {
  const grant_type = parameters.get("grant_type");
  if (grant_type === undefined) throw new Refusal("grant_type_missing");
  const grant = spelling.grants?.includes(grant_type) === false ? undefined : grants.find(grant_type);
  if (grant === undefined) throw new Refusal("grant_type_unsupported", { slots: { grant_type } });
  return { grant, grant_type };
}

/** Which keys a request shows, for deciding it again. */
function noteKeys(facts: AuditFacts, { proof, certificate }: PresentedCredentials): void {
  facts.has_proof = proof !== undefined;
  facts.has_certificate = certificate !== undefined;
}

function requireFor(spelling: RequestSpelling, grant_type: string, parameters: Parameters): void {
  for (const { name, missing } of spelling.required[grant_type] ?? []) {
    if (!parameters.has(name)) throw new Refusal(missing);
  }
}
