import { readBearer, readDpopToken, type AuthorizationReader } from "../clients/presented.js";
import { readOptional } from "../http/parameters.js";
import type { Reader } from "./dialect.js";

/** Reads parameters and credentials as in RFC 6749. Only the decoding of Basic differs between dialects. */
export function readStandard(readBasic: AuthorizationReader): Reader {
  return ({ parameters, authorization = "" }) => {
    // Client credentials in the body (RFC 6749 section 2.3.1, RFC 7521 section 4.2).
    const client_id = readOptional("client_id", parameters);
    const client_secret = readOptional("client_secret", parameters);
    const client_assertion = readOptional("client_assertion", parameters);
    const client_assertion_type = readOptional("client_assertion_type", parameters);
    const basic = readBasic(authorization);
    const bearer = readBearer(authorization);
    const dpop_token = bearer === undefined ? readDpopToken(authorization) : undefined;
    const credentials = {
      basic,
      bearer,
      dpop_token,
      client_id,
      client_secret,
      client_assertion,
      client_assertion_type,
    };
    return { parameters, credentials };
  };
}
