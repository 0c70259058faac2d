import type { Operations } from "../endpoints/operations.js";
import type { IssuedTokens } from "../grants/issue.js";
import type { WireResponse, Dialect, Endpoint, RefusalSpelling } from "./dialect.js";
import { formBody } from "./form-body.js";
import { jsonBodies } from "./json-body.js";
import { MEMBERS, readApp, readRegistration, readTokenRequest, readUsername } from "./kii-request.js";

/** Kii Cloud, as in its captured responses: extra headers, one member per line, two forms of errors. */

const HEADERS = {
  "Content-Type": "application/json;charset=UTF-8",
  "Cache-Control": "max-age=0, no-cache, no-store",
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": "Content-Type, Authorization, Content-Length, X-Requested-With, ETag, X-Step-Count",
};

/** Shell scripts read the body line by line, so its layout matters. */
function layOut(body: object): string {
  const members = Object.entries(body).filter(([, value]) => value !== undefined);
  return `{\n${members.map(([name, value]) => `  ${JSON.stringify(name)} : ${JSON.stringify(value)}`).join(",\n")}\n}`;
}

function decorate({ status, headers, body }: WireResponse): WireResponse {
  return {
    status,
    headers: { ...HEADERS, "X-HTTP-Status-Code": String(status), ...headers },
    ...(typeof body === "object" ? { body: layOut(body) } : {}),
  };
}

/** Errors of the token endpoints. Kii documents two words; every credential error is `invalid_grant`. */
const tokenRefusals: RefusalSpelling = {
  kinds: {
    no_credentials: { error: "invalid_grant", status: 400 },
    bad_credentials: { error: "invalid_grant", status: 400 },
    not_allowed: { error: "unsupported_grant_type" },
    bad_scope: { error: "invalid_grant" },
    wrong_media_type: { status: 400 },
  },
  codes: {
    resource_owner_credentials_wrong: { as: "app_user_credentials_wrong" },
  },
  body: ({ error, description }) => ({ errorCode: error, error_description: description, error }),
};

/** Errors of every other endpoint, in the words that its SDKs know. */
const refusals: RefusalSpelling = {
  kinds: {
    malformed: { error: "INVALID_INPUT_DATA" },
    no_credentials: { error: "UNAUTHORIZED" },
    bad_credentials: { error: "UNAUTHORIZED" },
    bad_token: { error: "WRONG_TOKEN", status: 403 },
    insufficient_scope: { error: "WRONG_TOKEN" },
    not_allowed: { error: "OPERATION_NOT_ALLOWED", status: 403 },
    not_found: { error: "NOT_FOUND" },
    conflict: { error: "USER_ALREADY_EXISTS" },
    wrong_method: { error: "METHOD_NOT_ALLOWED" },
    too_slow: { error: "REQUEST_TIMEOUT" },
    too_large: { error: "REQUEST_TOO_LARGE" },
    wrong_media_type: { error: "UNSUPPORTED_MEDIA_TYPE" },
    expectation_failed: { error: "EXPECTATION_FAILED" },
    too_many: { error: "TOO_MANY_REQUESTS" },
    headers_too_large: { error: "REQUEST_HEADERS_TOO_LARGE" },
    not_implemented: { error: "NOT_IMPLEMENTED" },
    internal: { error: "INTERNAL_SERVER_ERROR" },
    busy: { error: "SERVICE_UNAVAILABLE" },
  },
  codes: {
    json_malformed: { error: "INVALID_JSON" },
    access_token_missing: { error: "UNAUTHORIZED", status: 401 },
    username_missing: { as: "login_name_missing" },
  },
  // Not Basic, because a browser would open its login dialog.
  challenge: ({ error }) => (error === "UNAUTHORIZED" ? 'Bearer realm="jeton"' : undefined),
  body: ({ error, description }) => ({ errorCode: error, message: description }),
};

function token(path: string, takes: Endpoint["takes"]): Endpoint {
  return {
    operation: "appToken",
    path,
    takes: takes ?? "json",
    read: readTokenRequest,
    refusals: tokenRefusals,
    answer: ({ sub, access_token, expires_in, refresh_token }: IssuedTokens) => ({
      status: 200,
      body: { id: sub, access_token, expires_in, token_type: "Bearer", refresh_token },
    }),
  };
}

export const kii: Dialect = {
  name: "kii",
  prefixes: ["/api/oauth2", "/api/apps"],
  bodies: [
    formBody,
    jsonBodies("application/vnd.kii.OauthTokenRequest+json", "application/vnd.kii.RegistrationRequest+json"),
  ],
  read: readApp,
  certificateHeaders: ["client-cert"],
  grants: ["password", "client_credentials", "refresh_token"],
  required: {},
  repeatedScope: "folded",
  members: MEMBERS,
  readUsername,
  withoutDpop: true,
  tokens: { format: "opaque", idTokenCarriesClaims: false },
  openToPages: "Authorization, Content-Type, X-Kii-AppID, X-Kii-AppKey, X-Kii-SDK",
  decorate,

  endpoints: [
    token("/api/oauth2/token", "json"),
    token("/api/apps/:appID/oauth2/token", "form or json"),
    {
      operation: "appUser",
      path: "/api/apps/:appID/users/me",
      methods: ["GET"],
      answer: (person) => ({
        status: 200,
        headers: { "Content-Type": "application/vnd.kii.UserDataRetrievalResponse+json;charset=UTF-8" },
        body: describe(person),
      }),
    },
    {
      operation: "registerUser",
      path: "/api/apps/:appID/users",
      takes: "json",
      read: readRegistration,
      answer: ({ sub, preferred_username }) => ({
        status: 201,
        headers: { "Content-Type": "application/vnd.kii.RegistrationResponse+json;charset=UTF-8" },
        body: { userID: sub, loginName: preferred_username },
      }),
    },
  ],
  refusals,
};

function describe({
  sub,
  preferred_username,
  email,
  email_verified,
  phone_number,
  ...person
}: Operations["appUser"]): object {
  const { phone_number_verified, claims } = person;
  return {
    userID: sub,
    loginName: preferred_username,
    displayName: claims.name,
    country: claims.country,
    locale: claims.locale,
    ...(email === null ? {} : { emailAddress: email, emailAddressVerified: email_verified }),
    ...(phone_number === null ? {} : { phoneNumber: phone_number, phoneNumberVerified: phone_number_verified }),
  };
}
