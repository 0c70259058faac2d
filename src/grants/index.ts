import { authorizationCodeGrant } from "./authorization-code.js";
import { clientCredentialsGrant } from "./client-credentials.js";
import { deviceCodeGrant } from "./device-code.js";
import type { GrantPlugin } from "./grant.js";
import { jwtBearerGrant } from "./jwt-bearer.js";
import { passwordGrant } from "./password.js";
import { refreshTokenGrant } from "./refresh-token.js";
import { tokenExchangeGrant } from "./token-exchange.js";
import { umaTicketGrant } from "./uma-ticket.js";

/**
 * Every grant of this server. A new one is one file and one line here: the token endpoint of every dialect, the metadata
 * documents and the provisioning file read this list.
 */
export const GRANTS: readonly GrantPlugin[] = [
  passwordGrant,
  clientCredentialsGrant,
  refreshTokenGrant,
  authorizationCodeGrant,
  deviceCodeGrant,
  umaTicketGrant,
  tokenExchangeGrant,
  jwtBearerGrant,
];

/** The values of `grant_types` that a client may be registered with (RFC 7591 section 2). */
export const GRANT_TYPES = GRANTS.flatMap(({ types }) => types);

/** The values of `response_types` that a client may be registered with (RFC 7591 section 2). */
export const RESPONSE_TYPES = [...new Set(GRANTS.flatMap(({ responseTypes }) => responseTypes))];
