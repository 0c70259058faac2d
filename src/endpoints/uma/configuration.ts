import type { Core } from "../../core.js";
import type { GrantRegistry } from "../../grants/grant.js";
import { CLAIM_TOKEN_FORMATS, CLAIMS_PATH } from "../../uma/claims-gathering.js";
import { metadataDocument, type MountedPaths } from "../metadata.js";

/**
 * The UMA 2.0 document (UMA 2.0 Grant section 2, Federated Authorization section 2): the authorization server's metadata
 * with the endpoints of the protection API.
 */
export async function umaConfiguration(core: Core, grants: GrantRegistry, mounted: MountedPaths): Promise<object> {
  const { issuer } = core;
  const { requestPermissions, registerResource, createPolicy } = mounted.operations;
  return {
    ...(await metadataDocument(core, grants, mounted)),
    claims_interaction_endpoint: issuer + CLAIMS_PATH,
    permission_endpoint: issuer + requestPermissions,
    resource_registration_endpoint: issuer + registerResource,
    policies_endpoint: issuer + createPolicy,
    claim_token_profiles_supported: CLAIM_TOKEN_FORMATS,
    uma_profiles_supported: [],
  };
}
