import type { Clock } from "../clock.js";
import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import { METHODS } from "./methods.js";
import type { PresentedCredentials } from "./presented.js";
import type { Client, ClientRegistry } from "./registry.js";

/**
 * Who is asking. The method is the one the client is registered with, never one the request suggests (RFC 8725 gives the
 * reason for keys, and it holds for methods: what is accepted is the server's choice).
 */
export class ClientAuthentication {
  readonly #registry: ClientRegistry;
  readonly #master: MasterKey;
  readonly #clock: Clock;

  constructor(registry: ClientRegistry, master: MasterKey, clock: Clock) {
    this.#registry = registry;
    this.#master = master;
    this.#clock = clock;
  }

  /**
   * The authenticated client, or a refusal.
   * @param dialect the one the request came in
   * @param facts told which client it is as soon as that is known, so that a refusal is on record for it
   */
  async authenticate(
    presented: PresentedCredentials,
    dialect: string,
    facts: { client_id?: string; client_auth?: string },
  ): Promise<Client> {
    const { basic, client_id, client_secret } = presented;
    if (basic !== undefined && client_secret !== undefined) throw new Refusal("client_methods_mixed");
    if (basic && client_id !== undefined && client_id !== basic.client_id) throw new Refusal("client_ids_differ");

    const id = basic?.client_id ?? client_id;
    if (!id) throw unknown("no client_id");
    const client = await this.#registry.find(id);
    if (client === null) {
      // The same work as for a known client, so that time tells no more than the answer does.
      this.#master.mac("client-secret", `${id}\n${basic?.client_secret ?? client_secret ?? ""}`);
      throw unknown("not registered");
    }
    facts.client_id = id;
    facts.client_auth = client.token_endpoint_auth_method;
    if (client.disabled) throw unknown(`${id} is disabled`);
    if (!client.dialects.includes(dialect)) throw unknown(`${id} may not use the dialect ${dialect}`);

    const method = METHODS[client.token_endpoint_auth_method];
    if (method === undefined) throw unknown(`no such method: ${client.token_endpoint_auth_method}`);
    method.check(this.#master, client, presented, this.#clock.now());
    return client;
  }
}

function unknown(reason: string): Refusal {
  return new Refusal("client_unknown", {}, { reason });
}
