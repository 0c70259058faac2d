import type { StoredFacts } from "../store/uma-facts.js";
import type { Person } from "../store/users.js";
import { allClaims } from "../tokens/claims.js";
import { decide, type Decision } from "./decide.js";
import type { AskedPermission } from "./facts.js";

/** Decides on facts as the store has them: at the token endpoint, and anew each time a token is introspected. */
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
  const known = person === null ? {} : { person: { sub: person.sub, roles: person.roles, claims: believed(person) } };
  return decide({ now, issuer, previousIssuers, asked, resources, policies, asker: { client_id, ...known } });
}

/** An address or a number that nobody has verified may be somebody else's: it opens nothing. */
function believed(person: Person): Readonly<Record<string, unknown>> {
  const { email, phone_number, ...claims } = allClaims(person);
  return {
    ...claims,
    ...(person.email_verified ? { email } : {}),
    ...(person.phone_number_verified ? { phone_number } : {}),
  };
}
