import { isRefusal, Refusal } from "../errors/refusal.js";
import { claimedIssuer, JWT_BEARER } from "./assertion.js";
import { claimedDevice } from "./device-jwt.js";
import type { DialectUsage } from "./dialect-usage.js";
import { methodOf } from "./methods.js";
import type { MethodDependencies } from "./methods/method.js";
import type { PresentedCredentials } from "./presented.js";
import { isClientId, type Client, type ClientRegistry } from "./registry.js";
import { Throttle } from "./throttle.js";

/** A request, as far as it says who sends it. */
export interface AuthenticationRequest {
  readonly credentials: PresentedCredentials;
  /** The dialect it came in. */
  readonly spelling: { readonly name: string };
  /**
   * Whom an assertion may be meant for: the issuer, and the token endpoint of the dialect (RFC 7523 section 3), under the
   * server's name of now and those of before.
   */
  readonly assertionAudiences: readonly string[];
  /** Where it came from, as limits count it (http/network.ts). */
  readonly network: string;
  /** Told which client it is as soon as that is known, so that a refusal is on record for it. */
  readonly facts: { client_id?: string; client_auth?: string };
}

/**
 * Who is asking. The method is the one the client is registered with, never one the request suggests (RFC 8725 gives the
 * reason for keys, and it holds for methods: what is accepted is the server's choice).
 */
export class ClientAuthentication {
  readonly #registry: ClientRegistry;
  readonly #usage: DialectUsage;
  readonly #means: MethodDependencies;
  readonly #throttle = new Throttle();

  constructor(registry: ClientRegistry, usage: DialectUsage, means: MethodDependencies) {
    this.#registry = registry;
    this.#usage = usage;
    this.#means = means;
  }

  /** The authenticated client, or a refusal; whoever fails often is slowed down. */
  async authenticate(request: AuthenticationRequest): Promise<Client> {
    const { credentials, network } = request;
    refuseMixture(credentials);
    const id = claimedId(credentials);
    if (!id) throw new Refusal("client_unknown", { reason: "no client_id" });
    if (!isClientId(id)) throw new Refusal("client_unknown", { reason: "no id that a client can have" });
    const throttleKey = `${network}\n${id}`;
    await this.#throttle.wait(throttleKey); // tries_exhausted
    try {
      return await this.#check(id, request);
    } catch (error) {
      if (isRefusal(error)) this.#throttle.countFailure(throttleKey);
      throw error;
    }
  }

  async #check(id: string, request: AuthenticationRequest): Promise<Client> {
    const { credentials: presented, spelling, assertionAudiences: audiences, facts } = request;
    const client = await (presented.device_jwt !== undefined
      ? this.#registry.findUncached(id)
      : this.#registry.find(id));
    if (client === null) {
      // The same work as for a known client, so that time tells no more than the answer does.
      const secret = presented.basic?.client_secret ?? presented.client_secret ?? "";
      this.#means.master.mac("client-secret", `${id}\n${secret}`);
      throw new Refusal("client_unknown", { reason: "not registered" });
    }
    facts.client_id = id;
    facts.client_auth = client.token_endpoint_auth_method;
    if (client.disabled) throw new Refusal("client_unknown", { reason: `${id} is disabled` });
    if (!client.dialects.includes(spelling.name))
      throw new Refusal("client_unknown", { reason: `${id} may not use the dialect ${spelling.name}` });
    await methodOf(client).check({ client, presented, audiences }, this.#means);
    this.#usage.count(id, spelling.name);
    return client;
  }
}

/** One method for one request (RFC 6749 section 2.3). @throws Refusal client_methods_mixed, assertion_type_unsupported */
function refuseMixture({ client_assertion, client_assertion_type, ...presented }: PresentedCredentials): void {
  const { basic, client_secret, device_jwt } = presented;
  const methods = [basic, client_secret, client_assertion, device_jwt].filter((one) => one !== undefined);
  if (methods.length > 1) throw new Refusal("client_methods_mixed");
  if (client_assertion !== undefined && client_assertion_type !== JWT_BEARER) {
    throw new Refusal("assertion_type_unsupported");
  }
}

/**
 * Whom it says it is from: an assertion its issuer, a device's JWT its subject, Basic its first half, else the body (what is
 * encrypted says nothing).
 * @throws Refusal client_ids_differ, assertion_client_wrong, device_jwt_wrong where the body says another
 */
function claimedId({ basic, client_id, client_assertion, device_jwt }: PresentedCredentials): string | undefined {
  if (device_jwt !== undefined) return claimedDevice(device_jwt, client_id);
  const issuer = client_assertion === undefined ? undefined : claimedIssuer(client_assertion);
  if (client_id !== undefined) {
    if (basic !== undefined && client_id !== basic.client_id) throw new Refusal("client_ids_differ");
    if (issuer !== undefined && client_id !== issuer) throw new Refusal("assertion_client_wrong");
  }
  return issuer ?? basic?.client_id ?? client_id;
}
