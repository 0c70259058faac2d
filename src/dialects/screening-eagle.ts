import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { readRawBasic } from "../clients/presented.js";
import { optional, readParameters } from "../http/parameters.js";
import type { Dialect, Reader } from "./dialect.js";
import { formBody } from "./form-body.js";

const inBody = z.object({ client_id: optional, client_secret: optional, client_assertion: optional });

/** A client authenticates with Basic only. Credentials in the body must not contradict it. */
const read: Reader = ({ parameters, authorization = "" }) => {
  const basic = readRawBasic(authorization);
  return { parameters, credentials: basic === undefined ? {} : { ...readParameters(inBody, parameters), basic } };
};

/** Screening Eagle ID: one path, two grants, and tokens whose audience is their client. */
export const screeningEagle: Dialect = {
  name: "screening-eagle",
  prefixes: ["/api/id"],
  bodies: [formBody],
  read,
  certificateHeaders: ["client-cert"],
  grants: ["client_credentials", "authorization_code"],
  required: { client_credentials: [{ name: "scope", missing: "scope_missing" }] },
  repeatedScope: "folded",
  members: {},
  refreshScope: "offline",
  tokens: {
    idTokenCarriesClaims: true,
    audience: "client",
    accessTokenClaims: ({ scope }, { userID, userRegion }) => ({
      scp: scope,
      scopes: String(scope).split(" ").filter(Boolean),
      userID,
      userRegion,
    }),
  },

  endpoints: [
    {
      operation: "token",
      path: "/api/id/v1/auth/token",
      answer: ({ scope, access_token, token_type, expires_in, id_token, refresh_token }) => ({
        status: 200,
        body: { scope: scope.join(" "), token_type, access_token, expires_in, id_token, refresh_token },
      }),
    },
  ],

  refusals: {
    kinds: {
      not_allowed: { status: 403 },
      bad_scope: { status: 403 },
      wrong_media_type: { status: 400 },
    },
    codes: {},
    challenge: ({ error }) => (error === "invalid_client" ? 'Basic realm="jeton", charset="UTF-8"' : undefined),
    body: ({ status, description }) => ({ error: STATUS_CODES[status], errorDescription: description }),
  },
};
