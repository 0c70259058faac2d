import { z } from "zod";
import { ACCESS_TOKEN_TYPES, SIGNING_ALGORITHMS } from "../keys/signing-key.js";
import type { ClientRow } from "../store/clients.js";
import { exchangeRule } from "./exchange-rule.js";
import { SUBJECT_TYPES } from "./subject.js";

/** Columns that hold fewer values than their database type allows. */
export const narrowed = z.object({
  access_token_format: z.enum(["jwt", "opaque"]),
  access_token_signing_alg: z.enum(SIGNING_ALGORITHMS),
  access_token_typ: z.enum(ACCESS_TOKEN_TYPES),
  id_token_signed_response_alg: z.enum(SIGNING_ALGORITHMS),
  userinfo_signed_response_alg: z.enum(SIGNING_ALGORITHMS).nullable(),
  authorization_signed_response_alg: z.enum(SIGNING_ALGORITHMS),
  introspection_signed_response_alg: z.enum(SIGNING_ALGORITHMS),
  id_token_claims: z.enum(["minimal", "scope"]),
  subject_type: z.enum(SUBJECT_TYPES),
  registered_by: z.enum(["open", "token", "document"]).nullable(),
  consent: z.enum(["explicit", "implicit"]),
  profile: z.enum(["fapi2"]).nullable(),
  token_exchange: z.array(exchangeRule),
  jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }).nullable(),
});

type Narrowed = z.infer<typeof narrowed>;

/**
 * A registered client, as RFC 7591 names its metadata, without its authentication method. The methods take this type;
 * `Client` in registry.ts also knows which method it is.
 */
export type RegisteredClient = Omit<ClientRow, keyof Narrowed | `token_endpoint_auth_method${"" | "s"}`> &
  Readonly<Narrowed>;
