import type { Client } from "../clients/registry.js";
import type { MethodDependencies } from "../clients/methods/method.js";
import type { Core } from "../core.js";
import type { AudiencesOfScopes } from "../grants/targets.js";
import { grantStates, personStates, type GrantState, type PersonState } from "../store/decision-facts.js";
import { findTrustedIssuer, type TrustedIssuer } from "../store/trusted-issuers.js";

/** The facts of the store that a decision depends on: those of today, or with a provisioning file laid over them. */
export interface Configuration {
  readonly issuer: string;
  readonly scopes: AudiencesOfScopes;
  /** What methods of authentication need. They are asked only about requests that lack what they look for. */
  readonly means: MethodDependencies;
  client(client_id: string): Promise<Client | null>;
  person(sub: string): Promise<Omit<PersonState, "sub"> | undefined>;
  trustedIssuer(name: string): Promise<TrustedIssuer | undefined>;
  grant(id: string): Promise<GrantState | undefined>;
}

/** The configuration as it is now. */
export async function today(core: Core): Promise<Configuration> {
  const { db, master, clock, keySets, rateLimits, passwords, issuer, previousIssuers, registry } = core;
  return {
    issuer,
    scopes: await registry.scopes(),
    means: { issuers: [issuer, ...previousIssuers], ...{ db, master, clock, keySets, rateLimits, passwords } },
    client: (client_id) => registry.find(client_id),
    person: async (sub) => (await personStates(db, [sub]))[0],
    trustedIssuer: (name) => findTrustedIssuer(db, name),
    grant: async (id) => (await grantStates(db, [id]))[0],
  };
}
