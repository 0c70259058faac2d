import { isConfidential } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import type { GrantHandler } from "./grant.js";

/**
 * Whether the client is registered for a grant and for what it answers with (RFC 7591 section 2); asked at the token
 * endpoint, and already where an authorization begins.
 * @param grant_type the name that the refusal says
 * @throws Refusal grant_type_not_allowed, response_type_not_allowed
 */
export function permit(
  client: Client,
  grant: Pick<GrantHandler, "types" | "responseTypes" | "confidentialOnly">,
  grant_type: string,
): void {
  const { client_id, grant_types, response_types } = client;
  const listed = grant.types.some((type) => grant_types.includes(type));
  if (!listed || (grant.confidentialOnly === true && !isConfidential(client))) {
    throw new Refusal("grant_type_not_allowed", { slots: { client_id, grant_type } });
  }
  // A client that declares none may be answered with whatever its grants need (contract, provisioning file).
  const declared = response_types.length > 0;
  if (declared && !grant.responseTypes.every((type) => response_types.includes(type))) {
    throw new Refusal("response_type_not_allowed", {
      slots: { client_id, response_type: grant.responseTypes.join(" ") },
    });
  }
}
