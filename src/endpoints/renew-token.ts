import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { issue, type IssuedTokens } from "../grants/issue.js";
import { namedScopes, readScope, refuseBeyond } from "../grants/scope.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { spendToken } from "../store/access-tokens.js";
import { statusQuestion } from "../tokens/access-token.js";
import { readDeviceToken, type DeviceToken } from "./device-token.js";
import type { OperationRequest } from "./operations.js";

const parameters = z.object({
  client_id: required("client_id_missing"),
  token: required("token_missing"),
  scope: optional,
});

declare module "./operations.js" {
  interface Operations {
    renewToken: IssuedTokens;
  }
}

/** The scope that lets a device renew its token. */
export const RENEWABLE = "refresh.token";

/** Exchanges a device's access token for its next one, and ends the old token (Iothentix, renew token). */
export const renewTokenEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("renewToken", { guard: null, run: renew });
};

async function renew(request: OperationRequest, core: Core): Promise<IssuedTokens> {
  const { spelling, network, facts, decision_id, assertionAudiences } = request;
  const { client_id, token, scope: named } = readParameters(parameters, request.parameters);

  const device = await readDeviceToken(core, token, { client_id, dialect: spelling.name });
  if (device === undefined) throw new Refusal("token_not_valid", { reason: "no access token of this device" });
  const { client, claims } = device;
  facts.client_id = client_id;
  facts.jti = claims.jti;

  // A device authenticates with its token, so a certificate has no effect. The dialect refuses a DPoP proof.
  const unbound = { confirmation: undefined, shown: {}, assertionAudiences };
  const context = { core, client, ...unbound, spelling, issuance: {}, network, facts, decision_id };
  const held = renewableScope(device); // renewal_not_granted
  const requested = namedScopes(named, context);
  refuseBeyond(requested ?? [], held); // scope_not_allowed
  const renewals = nextRenewal(device); // renewal_not_granted

  const end = () => spendToken(core.db, statusQuestion(claims), core.clock.statement());
  const isFirst = await core.rateLimits.consumeIfSuccessful({ on: "tokens of a device", id: client_id }, end); // tries_exhausted
  if (!isFirst)
    throw new Refusal("token_not_valid", { reason: "expired, renewed before, revoked, or its device was disabled" });
  core.usage.count(client_id, spelling.name);
  return issue(context, { scope: requested ?? held, renewals });
}

/** The scopes of the token that the device is still registered for. A renewal never adds a scope. */
function renewableScope({ client, claims }: DeviceToken): readonly string[] {
  const held = readScope(claims.scope).filter((name) => client.scope.includes(name));
  if (!held.includes(RENEWABLE)) throw new Refusal("renewal_not_granted", { reason: `without ${RENEWABLE}` });
  return held;
}

/** The number of renewals in a row, with this one. Each token has the number of renewals before it. */
function nextRenewal({ client: { max_renewals }, claims }: DeviceToken): number {
  const renewals = (claims.renewals ?? 0) + 1;
  if (max_renewals !== null && renewals > max_renewals)
    throw new Refusal("renewal_not_granted", { reason: "renewed max_renewals times in a row" });
  return renewals;
}
