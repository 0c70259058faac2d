import { z } from "zod";
import { readBearer, type AuthorizationReader } from "../clients/presented.js";
import { optional, readParameters } from "../http/parameters.js";
import type { Reader } from "./dialect.js";

/** Client credentials in the body (RFC 6749 section 2.3.1, RFC 7521 section 4.2). */
const inBody = z.object({
  client_id: optional,
  client_secret: optional,
  client_assertion: optional,
  client_assertion_type: optional,
});

/** Reads parameters and credentials as in RFC 6749. Only the decoding of Basic differs between dialects. */
export function readStandard(readBasic: AuthorizationReader): Reader {
  return ({ parameters, authorization = "" }) => {
    const { client_id, client_secret, client_assertion, client_assertion_type } = readParameters(inBody, parameters);
    const basic = readBasic(authorization);
    const bearer = readBearer(authorization);
    const credentials = { basic, bearer, client_id, client_secret, client_assertion, client_assertion_type };
    return { parameters, credentials };
  };
}
