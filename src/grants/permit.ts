import { isConfidential } from "../clients/methods.js";
import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import type { GrantHandler } from "./grant.js";

/**
 * Checks that the client is registered for a grant and its response types (RFC 7591 section 2). The token endpoint and the
 * authorization endpoint both call it.
 * @param grant_type the grant type that the refusal names
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
  // A client without response_types may have those of all its grants (docs/clients.md).
  const declared = response_types.length > 0;
  if (declared && !grant.responseTypes.every((type) => response_types.includes(type))) {
    throw new Refusal("response_type_not_allowed", {
      slots: { client_id, response_type: grant.responseTypes.join(" ") },
    });
  }
}
