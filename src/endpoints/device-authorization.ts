import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { DEVICE_PATH } from "../browser/paths.js";
import { isConfidential } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import { newId } from "../clock.js";
import type { Core } from "../core.js";
import { DEVICE_CODE_GRANT, deviceCodeGrant } from "../grants/device-code.js";
import { permit } from "../grants/permit.js";
import { grantedScope } from "../grants/scope.js";
import { readTargets } from "../grants/targets.js";
import { optional, readParameters } from "../http/parameters.js";
import { DEVICE_CODE, openDeviceCode } from "../store/device-codes.js";
import { userCodeHash, userCodeOf, writeDeviceCode } from "../tokens/device-code.js";
import type { OperationRequest } from "./operations.js";

const parameters = z.object({ scope: optional, resource: optional });

/** A device authorization response before a dialect words it (RFC 8628 section 3.2). */
interface DeviceAuthorization {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  /** Seconds. */
  readonly expires_in: number;
  /** Seconds between two polls. */
  readonly interval: number;
}

declare module "./operations.js" {
  interface Operations {
    deviceAuthorization: DeviceAuthorization;
  }
}

/** The device authorization endpoint (RFC 8628 section 3.1): a device without a browser gets a code for its user. */
export const deviceAuthorizationEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("deviceAuthorization", {
    guard: null,
    cors: "pages of the client",
    metadata: { member: "device_authorization_endpoint", documents: "all" },
    run: authorizeDevice,
  });
};

async function authorizeDevice(request: OperationRequest, core: Core): Promise<DeviceAuthorization> {
  const { scope, resource } = readParameters(parameters, request.parameters);
  const client = await core.authentication.authenticate(request);
  permit(client, deviceCodeGrant, DEVICE_CODE_GRANT); // grant_type_not_allowed
  request.facts.names_scope = scope !== undefined;
  request.facts.resource_named = resource;
  const targets = await readTargets(core, client, resource); // target_unknown
  const granted = grantedScope(scope, { ...request, client, targets }); // scope_repeated, scope_not_allowed
  request.facts.scope_requested = granted;
  await limit(core, client, request.network); // tries_exhausted
  const id = await open(core, client, granted);
  const user_code = userCodeOf(core.master, id);
  const verification_uri = core.issuer + DEVICE_PATH;
  return {
    device_code: writeDeviceCode(core.master, id),
    user_code,
    verification_uri,
    verification_uri_complete: `${verification_uri}?user_code=${user_code}`,
    expires_in: DEVICE_CODE.lifetime,
    interval: DEVICE_CODE.interval,
  };
}

/** Anybody can ask in the name of a public client, so its requests count for their network. */
function limit({ rateLimits }: Core, client: Client, network: string): Promise<void> {
  return rateLimits.consumeOrThrow(
    isConfidential(client)
      ? { on: "device codes of a client", id: client.client_id }
      : { on: "device codes of a network", id: network },
  );
}

/** Writes a new code under an id whose user code no other one has. */
async function open({ db, master, clock, random }: Core, { client_id }: Client, scope: readonly string[]) {
  for (;;) {
    const id = newId(random);
    const user_code_hash = userCodeHash(master, userCodeOf(master, id));
    if (await openDeviceCode(db, { id, user_code_hash, client_id, scope }, clock.statement())) return id;
  }
}
