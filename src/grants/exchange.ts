import { isConfidential } from "../clients/methods.js";
import type { PresentedCredentials } from "../clients/presented.js";
import type { Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import type { DecisionFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";
import { readParameters } from "../http/parameters.js";
import type { Grant, GrantContext, GrantRegistry } from "./grant.js";
import { issue, type IssuedTokens } from "./issue.js";
import type { RequestSpelling } from "./spelling.js";

export interface ExchangeRequest {
  readonly parameters: Parameters;
  readonly credentials: PresentedCredentials;
  readonly spelling: RequestSpelling;
  readonly facts: DecisionFacts;
}

/** The steps every token request passes, whatever its grant and dialect. No grant can leave one out. */
export async function exchange(core: Core, grants: GrantRegistry, request: ExchangeRequest): Promise<IssuedTokens> {
  const { parameters, credentials, spelling, facts } = request;

  // 1. Which grant is it, and is the request complete?
  const { grant, grant_type } = chooseGrant(grants, parameters);
  facts.grant_type = grant_type;
  const typed = readParameters(grant.schema, parameters);
  requireFor(spelling, grant_type, parameters);

  // 2. Who is asking?
  const client = await core.authentication.authenticate(credentials, spelling.name, facts);

  // 3. May it ask so?
  permit(client, grant, grant_type);

  // 4. What does the grant decide?
  const context: GrantContext = { core, client, spelling, facts };
  const entitlement = await grant.decide(typed, context);

  // 5. Issue it, and put it on record.
  return issue(context, entitlement);
}

function chooseGrant(grants: GrantRegistry, parameters: Parameters): { grant: Grant; grant_type: string } {
  const grant_type = parameters.get("grant_type");
  if (grant_type === undefined) throw new Refusal("grant_type_missing");
  const grant = grants.find(grant_type);
  if (grant === undefined) throw new Refusal("grant_type_unsupported", { grant_type });
  return { grant, grant_type };
}

function requireFor(spelling: RequestSpelling, grant_type: string, parameters: Parameters): void {
  for (const { name, missing } of spelling.required[grant_type] ?? []) {
    if (!parameters.has(name)) throw new Refusal(missing);
  }
}

/** Whether the client is registered for this grant and for what it answers with (RFC 7591 section 2). */
function permit(client: Client, grant: Grant, grant_type: string): void {
  const { client_id, grant_types, response_types } = client;
  const listed = grant.types.some((type) => grant_types.includes(type));
  if (!listed || (grant.confidentialOnly === true && !isConfidential(client))) {
    throw new Refusal("grant_type_not_allowed", { client_id, grant_type });
  }
  // A client that declares none may be answered with whatever its grants need (contract, provisioning file).
  const declared = response_types.length > 0;
  if (declared && !grant.responseTypes.every((type) => response_types.includes(type))) {
    throw new Refusal("response_type_not_allowed", { client_id, response_type: grant.responseTypes.join(" ") });
  }
}
