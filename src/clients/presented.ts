import { isRefusal, Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";

/**
 * What a request brought to say who is asking, before anything of it is believed. A dialect chooses the reader of the
 * Authorization header and names the parameters; from here on there is no wire.
 */
export interface PresentedCredentials {
  /** From the Authorization header. */
  readonly basic?: { readonly client_id: string; readonly client_secret: string } | undefined;
  /** An access token in the Authorization header (RFC 6750 section 2.1): no client's credential, but a person's. */
  readonly bearer?: string | undefined;
  /** From the body. */
  readonly client_id?: string | undefined;
  readonly client_secret?: string | undefined;
  /** A JWT that stands for a secret, and what it says it is (RFC 7521 section 4.2). */
  readonly client_assertion?: string | undefined;
  readonly client_assertion_type?: string | undefined;
  /** A JWT made with a device's key (clients/device-jwt.ts), and whether it has to bring the key that comes after it. */
  readonly device_jwt?: { readonly text: string; readonly bringsKey: boolean } | undefined;
  readonly certificate?: PresentedCertificate | undefined;
}

/** The client's certificate: of its own TLS connection, or handed on by a trusted proxy. */
export interface PresentedCertificate {
  readonly der: Buffer;
  /** Whether its chain leads to a certificate authority that this server trusts for clients, or its proxy does. */
  readonly trusted: boolean;
}

/** Reads an Authorization header; undefined where it holds no client credentials. */
export type AuthorizationReader = (header: string) => PresentedCredentials["basic"];

/** The standard's Basic: base64 of `id:secret`, each form-encoded before (RFC 6749 section 2.3.1). */
export const readFormEncodedBasic: AuthorizationReader = (header) => {
  const pair = decodeBasic(header);
  if (pair === undefined) return undefined;
  if (pair === "") throw new Refusal("authorization_header_malformed", { reason: "Basic without credentials" });
  const { client_id, client_secret } = splitPair(pair);
  return { client_id: formDecode(client_id), client_secret: formDecode(client_secret) };
};

/** SimpleIdentityServer's Basic: taken as it is; its client library sends the bare word where it has no credentials. */
export const readRawBasic: AuthorizationReader = (header) => {
  const pair = decodeBasic(header);
  return pair ? splitPair(pair) : undefined;
};

/** The access token of an Authorization header of the scheme Bearer; undefined for any other. */
export function readBearer(header: string): string | undefined {
  const [, token] = /^bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(header) ?? [];
  return token;
}

/** What follows the scheme, decoded; undefined for another scheme, empty for none (RFC 7617 section 2). */
function decodeBasic(header: string): string | undefined {
  const [scheme, token = "", ...rest] = header.split(" ");
  if (scheme?.toLowerCase() !== "basic") return undefined;
  if (rest.length > 0 || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(token))
    throw new Refusal("authorization_header_malformed", { reason: "not base64" });
  const bytes = Buffer.from(token, "base64");
  const text = bytes.toString("utf8");
  if (!Buffer.from(text, "utf8").equals(bytes))
    throw new Refusal("authorization_header_malformed", { reason: "not UTF-8 text" });
  return plain(text);
}

function splitPair(pair: string) {
  const colon = pair.indexOf(":");
  if (colon < 0) throw new Refusal("authorization_header_malformed", { reason: "no colon" });
  return { client_id: pair.slice(0, colon), client_secret: pair.slice(colon + 1) };
}

function formDecode(text: string): string {
  try {
    return plain(decodeURIComponent(text.replaceAll("+", " ")));
  } catch (error) {
    throw isRefusal(error) ? error : new Refusal("authorization_header_malformed", { reason: "not form-encoded" });
  }
}

/** A text that cannot be stored is in no client's credentials. */
function plain(text: string): string {
  if (!isPlainText(text)) throw new Refusal("authorization_header_malformed", { reason: "U+0000, or what is no text" });
  return text;
}
