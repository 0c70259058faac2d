import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { readRawBasic } from "../clients/presented.js";
import { Refusal } from "../errors/refusal.js";
import { parametersOf } from "../http/json.js";
import { optional, readParameters } from "../http/parameters.js";
import type { IssuedTokens } from "../grants/issue.js";
import type { WireResponse, Dialect, RefusalSpelling, WireRequest, Reader } from "./dialect.js";
import { formBody } from "./form-body.js";
import { jsonBodies } from "./json-body.js";

/**
 * Iothentix: a device sends a JWT in the place of a secret, and the path implies the grant. A success is 201. An error is a
 * word, a host name and a sentence.
 * @param errorUri the value of `error_uri`
 */
export function iothentix({ errorUri }: { readonly errorUri: string }): Dialect {
  const refusals: RefusalSpelling = { kinds: KINDS, codes: {}, body: spellBody(errorUri) };
  return {
    name: "iothentix",
    prefixes: ["/as", "/idp", "/device/update"],
    overCoap: true,
    bodies: [formBody, jsonBodies()],
    certificateHeaders: ["client-cert"],
    required: { client_credentials: [{ name: "client_id", missing: "client_id_missing" }] },
    repeatedScope: "folded",
    withoutDpop: true,
    tokens: { format: "opaque", idTokenCarriesClaims: false },
    read: inTexts(readToken),
    endpoints: [
      { operation: "token", path: "/as/token", takes: "form or json", answer: answerToken },
      {
        operation: "renewToken",
        path: "/as/renew/token",
        takes: "form or json",
        read: inTexts(readRenewal),
        answer: answerToken,
      },
      {
        operation: "introspect",
        path: "/idp/introspect",
        takes: "form or json",
        read: inTexts(readIntrospection),
        answer: (result) => {
          if (!result.active) return { status: 201, body: { active: false } };
          const { sub, scope, iss, exp, cnf } = result.state;
          // Tokens of devices are never bound. A bound token of another client must not look unbound (RFC 8705 section 3.2).
          return { status: 201, body: { active: true, sub, scope, iss, exp, ...(cnf === undefined ? {} : { cnf }) } };
        },
        // Here wrong credentials are 401, with the word FORBIDDEN.
        refusals: {
          ...refusals,
          kinds: { ...refusals.kinds, bad_credentials: { status: 401 } },
          challenge: ({ error }) => (error === "invalid_client" ? 'Basic realm="jeton"' : undefined),
          body: spellBody(errorUri, { 401: "FORBIDDEN" }),
        },
      },
      {
        operation: "deviceKey",
        path: "/device/update/pubkey",
        takes: "form or json",
        read: inTexts((wire) => ({ parameters: wire.parameters, credentials: readDevice(wire, true) })),
        answer: () => ({ status: 201, body: { Success: "Public key updated" } }),
      },
    ],
    refusals,
  };
}

/** A body is a form, or a JSON object of strings with the same meaning. */
function inTexts(read: Reader): Reader {
  return (wire) =>
    read({ ...wire, parameters: wire.document === undefined ? wire.parameters : parametersOf(wire.document) });
}

/** This path implies grant_type=client_credentials. */
function readToken(wire: WireRequest): ReturnType<Reader> {
  const parameters = new Map(wire.parameters).set("grant_type", "client_credentials");
  return { parameters, credentials: readDevice(wire, false) };
}

const inBody = z.object({ client_id: optional, client_secret: optional, token: optional });

/** The device's JWT, from the body or the header. */
function readDevice({ parameters, authorization }: WireRequest, bringsKey: boolean) {
  const { client_id, client_secret } = readParameters(inBody, parameters);
  const [text, another] = [client_secret, lastWord(authorization)].filter((one) => one !== undefined);
  if (text === undefined) throw new Refusal("device_jwt_missing");
  if (another !== undefined) throw new Refusal("client_methods_mixed");
  return { client_id, device_jwt: { text, bringsKey } };
}

/** The old token, from the body or the header. The vendor's page also names a header Authorisation. */
function readRenewal({ parameters, authorization, headers }: WireRequest): ReturnType<Reader> {
  const sent = [parameters.get("token"), lastWord(authorization), lastWord(headers.authorisation?.toString())];
  const [token, another] = sent.filter((one) => one !== undefined);
  if (another !== undefined) throw new Refusal("access_token_repeated");
  return { parameters: token === undefined ? parameters : new Map(parameters).set("token", token), credentials: {} };
}

/** Basic from the header, or the same pair from the body. A device without either authenticates with the token itself. */
function readIntrospection({ parameters, authorization = "" }: WireRequest): ReturnType<Reader> {
  const { client_id, client_secret, token } = readParameters(inBody, parameters);
  const basic = readRawBasic(authorization);
  if (basic !== undefined) return { parameters, credentials: { basic, client_id, client_secret } };
  if (client_secret === undefined) return { parameters, credentials: { client_id, bearer: token } };
  return { parameters, credentials: { basic: { client_id: client_id ?? "", client_secret } } };
}

/** The credential of a header, bare or after any scheme. An empty header counts as absent, as in a form. */
function lastWord(header = ""): string | undefined {
  return header.trim().split(" ").at(-1) || undefined;
}

function answerToken({ access_token, expires_in, scope }: IssuedTokens): WireResponse {
  return { status: 201, body: { access_token, expires_in, scope: scope.join(" "), token_type: "bearer" } };
}

/** The vendor's description of each word. Other words keep the message of the catalogue. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  BAD_REQUEST: "The request format was incorrect",
  UNAUTHORIZED: "The request could not be authorized",
  FORBIDDEN: "The requested action was forbidden",
  NOT_FOUND: "The requested resource could not be found",
  METHOD_NOT_ALLOWED: "The requested method is not allowed for this resource",
  TOO_MANY_REQUESTS: "Slow down",
};

const FORBIDDEN = { status: 403 } as const;

const KINDS: RefusalSpelling["kinds"] = {
  bad_credentials: FORBIDDEN,
  bad_token: FORBIDDEN,
  bad_scope: FORBIDDEN,
  not_allowed: FORBIDDEN,
  wrong_media_type: { status: 400 },
};

const INTERNAL = "An internal server error occurred, please contact the system administrator";

/**
 * An error object: flat, except for an internal error. Its word is the reason phrase of the status (RFC 9110 section 15).
 * @param words the statuses with another word
 */
function spellBody(error_uri: string, words: Readonly<Record<number, string>> = {}): RefusalSpelling["body"] {
  return ({ status, description, request }) => {
    const reason = STATUS_CODES[status] ?? "";
    if (status === 500) return { error: { code: status, status: reason, request, message: INTERNAL } };
    const error = words[status] ?? reason.toUpperCase().replaceAll(" ", "_");
    return { error, error_uri, error_description: DESCRIPTIONS[error] ?? description };
  };
}
