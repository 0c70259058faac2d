import { isIP } from "node:net";
import { z } from "zod";
import { DIALECT_NAMES, type DialectName } from "./dialects/index.js";
import { webhookUrlProblem } from "./outbound/webhook.js";

/** The values that the settings of src/config.ts may have. */

export const issuer = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !text.endsWith("/");
}, "must be an http(s) URL without query, fragment, credentials or trailing slash");

/** The receiver of traces: its password, if it needs one, is in OTEL_EXPORTER_OTLP_HEADERS. */
export const receiver = z.string().refine((text) => {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username && !url.password;
}, "must be an http(s) URL without query, fragment or credentials");

export const errorUri = z
  .string()
  .max(2_048)
  .refine(
    (text) => /^(https?:\/\/)?[\w.[\]-]+(:\d+)?([/?#][\x21-\x7e]*)?$/i.test(text),
    "must be a host name or an http(s) URI",
  );

export const cidr = z.string().refine((text) => {
  const [address, bits, more] = text.split("/");
  const family = isIP(address ?? "");
  if (family === 0 || more !== undefined) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}, "must be an IP address or a CIDR range");

export const masterKey = z
  .string()
  .refine((text) => /^[A-Za-z0-9_-]{43}=?$/.test(text), "must be 32 bytes in base64url")
  .transform((text) => Buffer.from(text, "base64url"));

export const dialectList = z.string().transform((text, context): readonly DialectName[] => {
  if (text === "all") return DIALECT_NAMES;
  const names = list(text);
  const unknown = names.filter((name) => !(DIALECT_NAMES as readonly string[]).includes(name));
  if (unknown.length > 0 || names.length === 0) {
    context.addIssue({ code: "custom", message: `must be "all" or some of ${DIALECT_NAMES.join(", ")}` });
  }
  return names as DialectName[];
});

export const port = z.string().refine(isPort, "must be a port number").transform(Number);

/** A port for CoAP. @param registered the one that the word `default` means (RFC 7252 sections 12.6 and 12.7) */
export const coapPort = (registered: string, place = "") =>
  z
    .string()
    .transform((text) => (text === "default" ? registered : text))
    .refine(isPort, `must be default or a port number${place}`)
    .transform(Number);

export const MAX_WORKERS = 64;

/** The embedded PostgreSQL takes 100 connections: eleven from each worker, and twelve from a command and the lock. */
export const MAX_EMBEDDED_WORKERS = 8;

export const workers = z
  .string()
  .refine(
    (text) => text === "auto" || (/^[1-9]\d?$/.test(text) && Number(text) <= MAX_WORKERS),
    `must be auto or a number from 1 to ${MAX_WORKERS}`,
  )
  .transform((text) => (text === "auto" ? text : Number(text)));

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

/** Where administration is served: nowhere, beside everything else, or at an address of its own. */
export const administration = z.string().transform((text, context): "off" | "on" | { host: string; port: number } => {
  if (text === "off" || text === "on") return text;
  const [, host, port = ""] = /^(\[[0-9a-fA-F:.]+\]|[^:\s]+):(\d+)$/.exec(text) ?? [];
  if (host !== undefined && isPort(port)) return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
  context.addIssue({ code: "custom", message: "must be off, on or an address such as 127.0.0.1:9464" });
  return z.NEVER;
});

/** The parts of a text between commas. */
export function list(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** The scopes of clients that register themselves. Those with power over others are no part of it. */
export const strangersScopes = z
  .string()
  .transform((text) => [...new Set(text.split(" ").filter((name) => name !== ""))])
  .refine((names) => names.length > 0, "must name a scope")
  .refine((names) => names.every((name) => !/^(jeton:|uma_)/.test(name)), "must have no scope jeton:… and no uma_…")
  .refine((names) => names.every((name) => /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/.test(name)), "must be scope tokens");

/** A whole number above zero. */
export const count = z
  .string()
  .refine((text) => /^[1-9]\d{0,8}$/.test(text), "must be a number above 0")
  .transform(Number);

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A duration such as `90s`, `15m`, `24h` or `7d`, in seconds; 0 for none. */
export const durationOrNone = z.string().transform((text, context): number => {
  if (text === "0") return 0;
  const [, amount, unit = ""] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return Number(amount) * UNITS[unit]!;
  context.addIssue({ code: "custom", message: "must be 0 or a duration such as 90s, 15m, 24h or 7d" });
  return z.NEVER;
});

/** A URL of the operator that this server POSTs to. */
export const webhookUrl = z.string().superRefine((url, context) => {
  const reason = webhookUrlProblem(url);
  if (reason !== undefined) context.addIssue({ code: "custom", message: `cannot be called: ${reason}` });
});

/** The settings of the audit log. */
export const AUDIT_SETTINGS = {
  AUDIT_KEPT: durationOrNone
    .optional()
    .describe("how long the audit log is kept: a duration such as 400d; 0 or nothing keeps it for ever"),
  AUDIT_CHECKPOINT_FILE: z
    .string()
    .optional()
    .describe("file for the last checkpoint of the audit log: the users of the database must not be able to write it"),
  AUDIT_CHECKPOINT_URL: webhookUrl
    .optional()
    .describe("where each checkpoint of the audit log is POSTed: https, or http to a private address"),
};
