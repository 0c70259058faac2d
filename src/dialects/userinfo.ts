import type { Userinfo } from "../endpoints/userinfo.js";
import type { WireResponse } from "./dialect.js";

/** Userinfo (OpenID Connect Core section 5.3.2): JSON, or a JWT if the client is registered for a signed response. */
export function answerUserinfo(result: Userinfo): WireResponse {
  return "jwt" in result
    ? { status: 200, headers: { "Content-Type": "application/jwt" }, body: result.jwt }
    : { status: 200, body: result.claims };
}
