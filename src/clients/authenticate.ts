import { isRefusal, Refusal } from "../errors/refusal.js";
import { claimedIssuer, JWT_BEARER } from "./assertion.js";
import { claimedDevice } from "./device-jwt.js";
import type { ClientDocuments } from "./client-documents.js";
import type { DialectUsage } from "./dialect-usage.js";
import { methodNamed, usedMethod } from "./methods.js";
import type { MethodDependencies } from "./methods/method.js";
import type { PresentedCredentials } from "./presented.js";
import { isClientId, type Client, type ClientRegistry } from "./registry.js";
import { Throttle } from "./throttle.js";
import { whyUnusable } from "./usable.js";

/** The part of a request that identifies its client. */
export interface AuthenticationRequest {
  readonly credentials: PresentedCredentials;
  /** The dialect of the request. */
  readonly spelling: { readonly name: string };
  /**
   * Accepted audiences of assertions: the issuer and the token endpoint of the dialect (RFC 7523 section 3), under the
   * present name of the server and earlier ones.
   */
  readonly assertionAudiences: readonly string[];
  /** The network of the caller (http/network.ts). */
  readonly network: string;
  /** Gets the client as soon as it is known, so that a refusal is logged for it. */
  readonly facts: { client_id?: string | undefined; client_auth?: string; client_epoch?: number | undefined };
}

/**
 * Authenticates clients. A request chooses only among the methods that its client is registered with: RFC 8725 demands
 * this for keys, and the same reason holds for methods.
 */
export class ClientAuthentication {
  readonly #registry: ClientRegistry;
  readonly #documents: ClientDocuments;
  readonly #usage: DialectUsage;
  readonly #means: MethodDependencies;
  readonly #throttle = new Throttle();

  constructor(registry: ClientRegistry, documents: ClientDocuments, usage: DialectUsage, means: MethodDependencies) {
    this.#registry = registry;
    this.#documents = documents;
    this.#usage = usage;
    this.#means = means;
  }

  /**
   * Authenticates the client of a request. After many failures, requests for the same client from the same network are
   * delayed.
   */
  async authenticate(request: AuthenticationRequest): Promise<Client> {
    const { credentials, network } = request;
    refuseMixture(credentials);
    const id = claimedId(credentials);
    if (!id) throw new Refusal("client_unknown", { reason: "no client_id" });
    if (!isClientId(id)) throw new Refusal("client_unknown", { reason: "not a possible client_id" });
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
    const known = await (presented.device_jwt !== undefined
      ? this.#registry.findUncached(id)
      : this.#registry.find(id));
    const mayHaveDocument = known === null || known.registered_by === "document";
    const client = mayHaveDocument ? await this.#documents.authenticating(id, known, request.network) : known;
    if (client === null) {
      // The same work as for a known client, so that the time does not reveal whether it exists.
      const secret = presented.basic?.client_secret ?? presented.client_secret ?? "";
      this.#means.master.mac("client-secret", `${id}\n${secret}`);
      throw new Refusal("client_unknown", { reason: "not registered" });
    }
    facts.client_id = id;
    facts.client_epoch = client.token_epoch;
    const method = usedMethod(client, presented);
    facts.client_auth = method;
    const reason = whyUnusable(client, spelling.name);
    if (reason !== undefined) throw new Refusal("client_unknown", { reason });
    await methodNamed(method).check({ client, presented, audiences }, this.#means);
    this.#usage.count(id, spelling.name);
    return client;
  }
}

/**
 * Refuses a request with more than one method (RFC 6749 section 2.3).
 * @throws Refusal client_methods_mixed, assertion_type_unsupported
 */
function refuseMixture(presented: PresentedCredentials): void {
  const { basic, client_secret, client_assertion, client_assertion_type, device_jwt } = presented;
  const methods = [basic, client_secret, client_assertion, device_jwt].filter((one) => one !== undefined);
  if (methods.length > 1) throw new Refusal("client_methods_mixed");
  if (client_assertion !== undefined && client_assertion_type !== JWT_BEARER) {
    throw new Refusal("assertion_type_unsupported");
  }
}

/**
 * The client_id that a request claims: the issuer of an assertion, the subject of a device's JWT, the user name of
 * Basic, else the parameter. An encrypted assertion reveals no issuer.
 * @throws Refusal client_ids_differ, assertion_client_wrong, device_jwt_wrong if the parameter differs
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
