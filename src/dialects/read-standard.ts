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
  return ({ parameters, authorization = "" }) => ({
    parameters,
    credentials: {
      ...readParameters(inBody, parameters),
      basic: readBasic(authorization),
      bearer: readBearer(authorization),
    },
  });
}
