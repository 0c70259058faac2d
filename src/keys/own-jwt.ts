import type { JWTPayload } from "jose";
import { JWS_PARTS, readCompact } from "./compact.js";

/** JWTs of this server's own, in compact form (RFC 7515 section 7.1), without their signature. */

/** A JWT that this server signed. */
export interface OwnJwt {
  readonly claims: JWTPayload;
  /** The key that signed it. */
  readonly kid: string;
  /** Whether its time is over, by this instance's clock. */
  readonly expired: boolean;
}

/** A JWT as it was read, before anything in it is believed. */
export interface UnverifiedJwt {
  readonly text: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Buffer;
  /** What the signature is made over. */
  readonly signed: string;
  readonly signature: Buffer;
}

/** What the signature is made over. @param header in base64url */
export function writeSigned(header: string, claims: JWTPayload): string {
  return `${header}.${encode(claims)}`;
}

export function encode(object: object): string {
  return Buffer.from(JSON.stringify(object), "utf8").toString("base64url");
}

/**
 * Reads the form; undefined for a text that is no JWS in its one spelling. So is a JWS with extensions that have to be
 * understood (`crit`, RFC 7515 section 4.1.11): this server understands none.
 */
export function readJwt(text: string): UnverifiedJwt | undefined {
  const parts = readCompact(text);
  if (parts?.length !== JWS_PARTS) return undefined;
  const [first, payload, signature] = parts as [Buffer, Buffer, Buffer];
  const header = readObject(first);
  if (header === undefined || header.crit !== undefined) return undefined;
  return { text, header, payload, signature, signed: text.slice(0, text.lastIndexOf(".")) };
}

/** Whether a header names this media type; `application/` may be left out of both (RFC 7515 section 4.1.9). */
export function hasType({ typ }: UnverifiedJwt["header"], wanted: string): boolean {
  return typeof typ === "string" && mediaType(typ) === mediaType(wanted);
}

function mediaType(typ: string): string {
  return typ.includes("/") ? typ.toLowerCase() : `application/${typ.toLowerCase()}`;
}

/**
 * The claims of a genuine JWT, and whether its time is over; undefined where it may not be used yet, or a time in it is none
 * (RFC 7519 section 4.1).
 * @param now seconds since the epoch
 */
export function readClaims(payload: Buffer, now: number): Pick<OwnJwt, "claims" | "expired"> | undefined {
  const claims = readObject(payload) as JWTPayload | undefined;
  if (claims === undefined) return undefined;
  const { iat = now, nbf = now, exp = Infinity } = claims;
  const areTimes = [iat, nbf, exp].every((time) => typeof time === "number");
  return areTimes && nbf <= now ? { claims, expired: exp <= now } : undefined;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** An object of JSON in UTF-8; undefined for anything else. */
function readObject(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(UTF8.decode(bytes));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
