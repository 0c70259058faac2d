import { z } from "zod";
import { Refusal } from "../errors/refusal.js";
import { required } from "../http/parameters.js";
import { redeemCode } from "../store/authorization-codes.js";
import { pollDeviceCode } from "../store/device-codes.js";
import { readDeviceCode } from "../tokens/device-code.js";
import { grantLifetimes } from "./authorization-code.js";
import { entitle } from "./entitle.js";
import { grantPlugin, type GrantContext } from "./grant.js";
import { requireScopes } from "./targets.js";

/**
 * Exchanges a device code (RFC 8628 sections 3.4 and 3.5). The client polls until the user has answered. The grant of an
 * allowed code is redeemed like that of an authorization code: once, and a second use ends it.
 */
const parameters = z.object({ device_code: required("device_code_missing") });

/** RFC 8628 section 3.4. */
export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

export const deviceCodeGrant = grantPlugin({
  types: [DEVICE_CODE_GRANT],
  schema: parameters,
  responseTypes: [],
  async decide({ device_code }, context) {
    const { core, client, spelling, facts } = context;
    const id = readDeviceCode(core.master, device_code);
    if (id === undefined) throw new Refusal("device_code_invalid", { reason: "not written by this server" });
    const grant_id = await poll(id, context); // device_code_…, target_unknown
    facts.grant_id = grant_id;

    const redeemed = await redeemCode(core.db, grant_id, grantLifetimes(client), spelling.name, core.clock.statement());
    if (redeemed === "replayed") facts.alarm = "code_replayed";
    if (typeof redeemed === "string") throw new Refusal("device_code_invalid", { reason: `the code is ${redeemed}` });
    const { binding, user } = redeemed;
    facts.sub = user.sub;
    return entitle(context, binding, { user, grant: { grant_id, generation: 0 } });
  },
});

/**
 * The grant of an allowed code. A refused resource server uses no code up: the user would have to type another one.
 * @throws Refusal for a code that is not allowed, or not yet
 */
async function poll(id: string, { core, client, targets }: GrantContext): Promise<string> {
  const polled = await pollDeviceCode(core.db, id, client.client_id, core.clock.statement());
  if (polled === undefined) throw new Refusal("device_code_invalid", { reason: "no such code of this client" });
  const { answer, grant_id, scope, is_hurried, is_expired } = polled;
  if (is_expired) throw new Refusal("device_code_expired");
  if (answer === "denied") throw new Refusal("device_code_denied");
  const kept = scope.filter((name) => client.scope.includes(name));
  requireScopes(targets, kept); // target_unknown
  if (grant_id !== null) return grant_id;
  throw new Refusal(is_hurried ? "device_code_polled_too_soon" : "device_code_pending");
}
