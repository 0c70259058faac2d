import type { IssuedTokens } from "../grants/issue.js";
import type { WireResponse, Dialect, Endpoint, Reader, RefusalSpelling } from "./dialect.js";
import { formBody } from "./form-body.js";
import { jsonBodies } from "./json-body.js";
import { describe, describeThing, nameOf } from "./kii-answer.js";
import {
  MEMBERS,
  readApp,
  readCode,
  readPasswords,
  readPatch,
  readRegistration,
  readThing,
  readTokenRequest,
  readUpdate,
  readUsername,
} from "./kii-request.js";

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
    app_user_unknown: { error: "USER_NOT_FOUND" },
    old_password_wrong: { error: "WRONG_PASSWORD", status: 401 },
    verification_code_wrong: { error: "INVALID_VERIFICATION_CODE", status: 403 },
    thing_unknown: { error: "THING_NOT_FOUND" },
    thing_exists: { error: "THING_ALREADY_EXISTS" },
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

/** The media type of an answer. */
function ofType(name: string): string {
  return `application/vnd.kii.${name}Response+json;charset=UTF-8`;
}

function user(path: string): Endpoint {
  return {
    operation: "appUser",
    path,
    methods: ["GET"],
    answer: (result) => ({
      status: 200,
      headers: { "Content-Type": ofType("UserDataRetrieval") },
      body: describe(result),
    }),
  };
}

function change(method: "POST" | "PATCH", read: Reader): Endpoint {
  return {
    operation: "changeAppUser",
    path: "/api/apps/:appID/users/:userID",
    methods: [method],
    takes: "json",
    read,
    answer: ({ modified_at }) => ({
      status: 200,
      headers: { "Content-Type": ofType("UserUpdate") },
      body: { modifiedAt: modified_at.getTime() },
    }),
  };
}

/** The media types of requests, which are JSON all. */
const JSON_TYPES = [
  ...["OauthToken", "Registration", "RegistrationAndAuthorization", "UserUpdate", "ChangePassword"],
  ...["AddressVerification", "ThingRegistrationAndAuthorization"],
];

export const kii: Dialect = {
  name: "kii",
  prefixes: ["/api/oauth2", "/api/apps"],
  bodies: [formBody, jsonBodies(...JSON_TYPES.map((name) => `application/vnd.kii.${name}Request+json`))],
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
    user("/api/apps/:appID/users/me"),
    user("/api/apps/:appID/users/:userID"),
    {
      operation: "registerUser",
      path: "/api/apps/:appID/users",
      takes: "json",
      read: readRegistration,
      answer: ({ sub, preferred_username, token }) => ({
        status: 201,
        headers: { "Content-Type": ofType("Registration") },
        body: { userID: sub, loginName: nameOf(sub, preferred_username), _accessToken: token?.text },
      }),
    },
    change("POST", readUpdate),
    change("PATCH", readPatch),
    {
      operation: "changeAppPassword",
      path: "/api/apps/:appID/users/:userID/password",
      methods: ["PUT"],
      takes: "json",
      read: readPasswords,
      answer: () => ({ status: 204 }),
    },
    {
      operation: "sendVerification",
      path: "/api/apps/:appID/users/:userID/:address(email-address|phone-number)/resend-verification",
      isBodyOptional: true,
      answer: () => ({ status: 204 }),
    },
    {
      operation: "verifyAddress",
      path: "/api/apps/:appID/users/:userID/:address(email-address|phone-number)/verify",
      takes: "json",
      read: readCode,
      answer: () => ({ status: 204 }),
    },
    {
      operation: "registerThing",
      path: "/api/apps/:appID/things",
      takes: "json",
      read: readThing,
      answer: ({ thing, token }) => ({
        status: 201,
        headers: { "Content-Type": ofType("ThingRegistrationAndAuthorization") },
        body: { ...describeThing(thing), _accessToken: token.text },
      }),
    },
    {
      operation: "appThing",
      path: "/api/apps/:appID/things/:thingID",
      methods: ["GET"],
      answer: (thing) => ({
        status: 200,
        headers: { "Content-Type": ofType("ThingRetrieval") },
        body: describeThing(thing),
      }),
    },
  ],
  refusals,
};
