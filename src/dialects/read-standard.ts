import { readBearer, type AuthorizationReader, type PresentedCredentials } from "../clients/presented.js";
import type { Dialect } from "./dialect.js";

/** Reads parameters and credentials where RFC 6749 puts them; only how Basic is decoded differs between dialects. */
export function readStandard(readBasic: AuthorizationReader): Dialect["read"] {
  return ({ parameters, authorization }) => {
    const basic = authorization === undefined ? undefined : readBasic(authorization);
    const bearer = authorization === undefined ? undefined : readBearer(authorization);
    const client_id = parameters.get("client_id");
    const client_secret = parameters.get("client_secret");
    const credentials: PresentedCredentials = {
      ...(basic === undefined ? {} : { basic }),
      ...(bearer === undefined ? {} : { bearer }),
      ...(client_id === undefined ? {} : { client_id }),
      ...(client_secret === undefined ? {} : { client_secret }),
    };
    return { parameters, credentials };
  };
}
