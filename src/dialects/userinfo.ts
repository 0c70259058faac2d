import type { Userinfo } from "../endpoints/userinfo.js";
import type { WireResponse } from "./dialect.js";

/** Userinfo as OpenID Connect Core section 5.3.2 has it: JSON, or a JWT where the client asked for a signed answer. */
export function answerUserinfo(result: Userinfo): WireResponse {
  return "jwt" in result
    ? { status: 200, headers: { "Content-Type": "application/jwt" }, body: result.jwt }
    : { status: 200, body: result.claims };
}
