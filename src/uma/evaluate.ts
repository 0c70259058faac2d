import type { StoredFacts } from "../store/uma-facts.js";
import type { Person } from "../store/users.js";
import { allClaims } from "../tokens/claims.js";
import { decide, type Decision } from "./decide.js";
import type { AskedPermission, Asker } from "./facts.js";

/** Evaluates the policies on stored facts, at the token endpoint and again at each introspection. */
export function evaluate(
  { now, person, resources, policies }: StoredFacts,
  {
    issuer,
    previousIssuers,
    client_id,
    asked,
  }: {
    readonly issuer: string;
    readonly previousIssuers: readonly string[];
    readonly client_id: string;
    readonly asked: readonly AskedPermission[];
  },
): Decision {
  const asker = { client_id, person: person === null ? undefined : describe(person) };
  return decide({ now, issuer, previousIssuers, asked, resources, policies, asker });
}

function describe(person: Person): NonNullable<Asker["person"]> {
  return { sub: person.sub, roles: person.roles, claims: trustedClaims(person) };
}

/** An email address or phone number that is not verified may belong to another person, so no rule may use it. */
function trustedClaims(person: Person): Readonly<Record<string, unknown>> {
  const { email, phone_number, ...claims } = allClaims(person);
  return {
    ...claims,
    email: person.email_verified ? email : undefined,
    phone_number: person.phone_number_verified ? phone_number : undefined,
  };
}
