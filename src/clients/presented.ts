import { isUtf8 } from "node:buffer";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";

/**
 * The credentials of a request, not verified yet. The dialect has read them from its headers and parameters; later code
 * does not depend on the wire format.
 */
export interface PresentedCredentials {
  /** From the Authorization header. */
  readonly basic?: { readonly client_id: string; readonly client_secret: string } | undefined;
  /** An access token in the Authorization header (RFC 6750 section 2.1). It identifies a user, not a client. */
  readonly bearer?: string | undefined;
  /** The same under the scheme DPoP (RFC 9449 section 7.1): the proof beside it shows who may use it. */
  readonly dpop_token?: string | undefined;
  /** From the body. */
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  /** A JWT instead of a secret, and its type (RFC 7521 section 4.2). */
  readonly client_assertion?: string | undefined;
  readonly client_assertion_type?: string | undefined;
  /** A JWT of a device (clients/device-jwt.ts), and whether it must contain the device's next key. */
  readonly device_jwt?: { readonly text: string; readonly bringsKey: boolean } | undefined;
  readonly certificate?: PresentedCertificate | undefined;
  readonly proof?: PresentedProof | undefined;
}

/** The DPoP proof of a request, not verified yet, and the request that it is for (RFC 9449 section 4.2). */
export interface PresentedProof {
  readonly text: string;
  /** The HTTP method, for `htm`. */
  readonly method: string;
  /** The path below the issuer, for `htu`. */
  readonly path: string;
}

/** The client's certificate, from its TLS connection or forwarded by a trusted proxy. */
export interface PresentedCertificate {
  readonly der: Buffer;
  /** Whether its chain ends at an authority that this server or its proxy trusts for clients. */
  readonly trusted: boolean;
}

/** Reads an Authorization header; undefined if it has no client credentials. */
export type AuthorizationReader = (header: string) => PresentedCredentials["basic"];

/** The standard's Basic: base64 of `id:secret`, each form-encoded before (RFC 6749 section 2.3.1). */
export const readFormEncodedBasic: AuthorizationReader = (header) => {
  const pair = decodeBasic(header);
  if (pair === undefined) return undefined;
  if (pair === "") throw new Refusal("authorization_header_malformed", { reason: "Basic without credentials" });
  const { client_id, client_secret } = splitPair(pair);
  return { client_id: formDecode(client_id), client_secret: formDecode(client_secret) };
};

/**
 * SimpleIdentityServer's Basic, without form-encoding. Its client library sends the bare word `Basic` if it has no
 * credentials.
 */
export const readRawBasic: AuthorizationReader = (header) => {
  const pair = decodeBasic(header);
  return pair ? splitPair(pair) : undefined;
};

/** The access token of an Authorization header of the scheme Bearer; undefined for any other. */
export function readBearer(header: string): string | undefined {
  const [, token] = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(header) ?? [];
  return token;
}

/** The access token of an Authorization header of the scheme DPoP; undefined for any other. */
export function readDpopToken(header: string): string | undefined {
  const [, token] = /^dpop ([A-Za-z0-9._~+/-]+=*)$/i.exec(header) ?? [];
  return token;
}

/** The access token of the Authorization header, of either scheme. */
export function shownToken({ bearer, dpop_token }: PresentedCredentials): string | undefined {
  return bearer ?? dpop_token;
}

/** The decoded credentials; undefined for another scheme, empty if there are none (RFC 7617 section 2). */
function decodeBasic(header: string): string | undefined {
  const [scheme, token = "", ...rest] = header.split(" ");
  if (scheme?.toLowerCase() !== "basic") return undefined;
  if (rest.length > 0 || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(token))
    throw new Refusal("authorization_header_malformed", { reason: "not base64" });
  const bytes = Buffer.from(token, "base64");
  if (!isUtf8(bytes)) throw new Refusal("authorization_header_malformed", { reason: "not UTF-8 text" });
  return plain(bytes.toString("utf8"));
}

function splitPair(pair: string) {
  const colon = pair.indexOf(":");
  if (colon < 0) throw new Refusal("authorization_header_malformed", { reason: "no colon" });
  return { client_id: pair.slice(0, colon), client_secret: pair.slice(colon + 1) };
}

function formDecode(text: string): string {
  // The text has been checked as a whole.
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return plain(decodeURIComponent(text.replaceAll("+", " ")));
  } catch (error) {
    throw isRefusal(error) ? error : new Refusal("authorization_header_malformed", { reason: "not form-encoded" });
  }
}

/** Credentials never contain characters that the store cannot hold. */
function plain(text: string): string {
  if (!isPlainText(text)) throw new Refusal("authorization_header_malformed", { reason: "U+0000, or invalid text" });
  return text;
}
