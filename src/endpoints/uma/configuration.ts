import { CLAIM_TOKEN_FORMATS, CLAIMS_PATH } from "../../uma/claims-gathering.js";
import { endpointUrls, metadataDocument, type MetadataSources, type MountedPaths } from "../metadata.js";

/**
 * The UMA 2.0 document (UMA 2.0 Grant section 2, Federated Authorization section 2): the authorization server's metadata
 * with the endpoints of the protection API.
 */
export async function umaConfiguration(app: MetadataSources, mounted: MountedPaths): Promise<object> {
  return {
    ...(await metadataDocument(app, mounted)),
    claims_interaction_endpoint: app.core.issuer + CLAIMS_PATH,
    ...endpointUrls(app, mounted, "uma"),
    claim_token_profiles_supported: CLAIM_TOKEN_FORMATS,
    uma_profiles_supported: [],
  };
}
