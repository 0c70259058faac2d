import { availableParallelism } from "node:os";
import { z } from "zod";
import { DIALECT_NAMES, DOCUMENTED_NAMES } from "./dialects/index.js";
import type { RegistrationSettings } from "./clients/registration.js";
import { OperatorError } from "./errors/operator-error.js";
import { isLoopback } from "./http/network.js";
import {
  administration,
  AUDIT_SETTINGS,
  cidr,
  coapPort,
  count,
  dialectList,
  errorUri,
  durationOrNone,
  issuer,
  list,
  masterKey,
  MAX_EMBEDDED_WORKERS,
  MAX_WORKERS,
  port,
  receiver,
  strangersScopes,
  webhookUrl,
  workers,
} from "./setting-values.js";
import { databaseUrlProblem } from "./store/database-url.js";

/**
 * Every setting: name, default and meaning. The only place that reads the environment. docs/settings.md is held equal
 * to `SETTINGS` by a test.
 */

/** One entry per environment variable. Its description is also the text in docs/settings.md. */
export const SETTINGS = {
  HOST: z.string().default("127.0.0.1").describe("address to listen on"),
  PORT: port.default(3000).describe("port to listen on; 0 takes a free one and prints it in the ready line"),
  WORKERS: workers.default(1).describe("processes on one port over one store; auto for one per core"),
  ISSUER: issuer.optional().describe("the issuer identifier, exactly as it stands in tokens and metadata"),
  PREVIOUS_ISSUERS: z
    .string()
    .transform(list)
    .pipe(z.array(issuer))
    .default([])
    .describe("issuers this server had before, separated by commas: tokens that name them are recognised"),
  DATABASE_URL: z
    .string()
    .superRefine((url, context) => {
      const reason = databaseUrlProblem(url);
      if (reason !== undefined) context.addIssue({ code: "custom", message: reason });
    })
    .optional()
    .describe("a Postgres to use; without it an embedded one runs in DATA_DIR"),
  DATA_DIR: z.string().default("./data").describe("the embedded database, the generated master key and the outbox"),
  MASTER_KEY: masterKey
    .optional()
    .describe("32 bytes, base64url; seals private keys and recoverable secrets, keys the hashes of secrets and tokens"),
  MASTER_KEY_PREVIOUS: z
    .string()
    .transform(list)
    .pipe(z.array(masterKey))
    .default([])
    .describe("earlier master keys, separated by commas: what they made is read until it is renewed or expires"),
  PROVISION_FILE: z.string().optional().describe("provisioning file applied at every start"),
  DIALECTS: dialectList
    .default(DIALECT_NAMES)
    .describe("which dialects are mounted: all, or names separated by commas"),
  ROOT_METADATA: z
    .enum(DOCUMENTED_NAMES)
    .optional()
    .describe("whose discovery document stands at /.well-known/openid-configuration"),
  LOG_LEVEL: z
    .enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"])
    .default("info")
    .describe("pino level"),
  TRUST_PROXY: z
    .string()
    .transform(list)
    .pipe(z.array(cidr))
    .default([])
    .describe(
      "CIDR ranges of the proxies whose X-Forwarded-* and client certificate headers are believed, separated by commas",
    ),
  TLS_CERT: z.string().optional().describe("PEM file; with it the server speaks https itself"),
  TLS_KEY: z.string().optional().describe("PEM file of the private key of TLS_CERT"),
  TLS_CLIENT_CA: z.string().optional().describe("PEM file of the authorities whose client certificates are trusted"),
  COAPS_PORT: coapPort("5684")
    .optional()
    .describe("UDP port for CoAP over DTLS, in the dialect iothentix: default is 5684, 0 takes a free one"),
  COAPS_HOST: z.string().optional().describe("the address to receive DTLS on"),
  COAPS_CERT: z.string().optional().describe("PEM file of the certificate for DTLS, with its chain"),
  COAPS_KEY: z.string().optional().describe("PEM file of the private key of COAPS_CERT"),
  COAP_PORT: coapPort("5683", ": plain CoAP is received on 127.0.0.1 and ::1 only")
    .optional()
    .describe(
      "port for plain CoAP on 127.0.0.1 and ::1, in the dialect iothentix: default is 5683, 0 takes a free one; a DTLS " +
        "terminator on this machine speaks with the devices",
    ),
  JWKS_URI_ALLOW_PRIVATE: z
    .enum(["true", "false"])
    .default("false")
    .transform((text) => text === "true")
    .describe(
      "true: a jwks_uri, a sector_identifier_uri, a backchannel_logout_uri or a client_id that is fetched may point at " +
        "loopback and private addresses, by plain http too",
    ),
  REGISTRATION: z
    .enum(["off", "token", "open"])
    .default("off")
    .describe("whether clients register themselves: token asks them for an initial access token"),
  CLIENT_ID_METADATA_DOCUMENTS: z
    .enum(["off", "on"])
    .default("off")
    .describe("on: a client_id may be the URL of a document that describes its client"),
  REGISTRATION_SCOPES: strangersScopes
    .default(["openid", "profile", "email", "phone", "address", "offline_access"])
    .describe("the scopes that such clients may have, separated by spaces"),
  REGISTRATION_MAX_CLIENTS: count
    .default(10_000)
    .describe(
      "most clients without an initial access token: those that registered themselves and those with a document",
    ),
  DPOP_NONCE: z.enum(["off", "required"]).default("off").describe("required: DPoP proofs need a nonce of this server"),
  ADMIN: administration
    .optional()
    .describe(
      "Admin API, console and metrics: off, on for the address of everything else, or an address of their own such as 127.0.0.1:9464",
    ),
  ADMIN_URL: issuer.optional().describe("the URL at which browsers reach an address of its own"),
  DECISIONS_KEPT: durationOrNone
    .default(7 * 24 * 3_600)
    .describe("how long decisions can be explained: a duration such as 24h or 7d; 0 keeps none"),
  ...AUDIT_SETTINGS,
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver.optional().describe("URL of an OpenTelemetry receiver, which gets traces"),
  CODE_WEBHOOK_URL: webhookUrl
    .optional()
    .describe(
      "where confirmation codes are POSTed: https, or http to a private address; without it, and without DATABASE_URL, " +
        "each is a file in DATA_DIR/outbox",
    ),
  CODE_WEBHOOK_SECRET: z.string().optional().describe("signs what is POSTed there"),
  IOTHENTIX_ERROR_URI: errorUri.optional().describe("what error_uri says in the dialect iothentix"),
  NODE_ENV: z.string().optional().describe("production: no demo data, and what there is of it is disabled"),
};

const environment = z
  .object(SETTINGS)
  .refine((s) => s.DATABASE_URL === undefined || s.MASTER_KEY !== undefined, {
    path: ["MASTER_KEY"],
    message: "is required with DATABASE_URL",
  })
  .refine((s) => s.DATABASE_URL !== undefined || s.WORKERS === "auto" || s.WORKERS <= MAX_EMBEDDED_WORKERS, {
    path: ["WORKERS"],
    message: `must be at most ${MAX_EMBEDDED_WORKERS} without DATABASE_URL`,
  })
  .refine((s) => s.REGISTRATION === "off" || s.DIALECTS.includes("oauth2"), {
    path: ["REGISTRATION"],
    message: "needs the dialect oauth2",
  })
  .refine((s) => (s.TLS_CERT === undefined) === (s.TLS_KEY === undefined), {
    path: ["TLS_KEY"],
    message: "and TLS_CERT go together",
  })
  .refine((s) => s.TLS_CLIENT_CA === undefined || s.TLS_CERT !== undefined, {
    path: ["TLS_CLIENT_CA"],
    message: "needs TLS_CERT and TLS_KEY",
  })
  .refine((s) => (s.COAP_PORT ?? s.COAPS_PORT) === undefined || s.DIALECTS.includes("iothentix"), {
    path: ["DIALECTS"],
    message: "must include iothentix for COAP_PORT and COAPS_PORT",
  })
  .refine((s) => (s.COAPS_CERT === undefined) === (s.COAPS_KEY === undefined), {
    path: ["COAPS_KEY"],
    message: "and COAPS_CERT go together",
  })
  .refine((s) => s.COAPS_PORT === undefined || s.COAPS_CERT || s.TLS_CERT || isDemo(s), {
    path: ["COAPS_PORT"],
    message: "needs COAPS_CERT and COAPS_KEY, or TLS_CERT and TLS_KEY",
  })
  .refine((s) => s.ADMIN_URL === undefined || typeof s.ADMIN === "object", {
    path: ["ADMIN_URL"],
    message: "needs an address in ADMIN",
  })
  .refine((s) => s.CODE_WEBHOOK_SECRET === undefined || s.CODE_WEBHOOK_URL !== undefined, {
    path: ["CODE_WEBHOOK_SECRET"],
    message: "needs CODE_WEBHOOK_URL",
  })
  .refine((s) => s.ROOT_METADATA === undefined || s.DIALECTS.includes(s.ROOT_METADATA), {
    path: ["ROOT_METADATA"],
    message: "must be one of DIALECTS",
  })
  .transform((s) => ({
    ...s,
    WORKERS: s.WORKERS === "auto" ? onePerCore(s.DATABASE_URL === undefined) : s.WORKERS,
    ADMIN: s.ADMIN ?? (s.DATABASE_URL === undefined && isLoopback(s.HOST) ? "on" : "off"),
    ROOT_METADATA: s.ROOT_METADATA ?? DOCUMENTED_NAMES.find((name) => s.DIALECTS.includes(name)),
  }));

export type Settings = z.infer<typeof environment>;

/**
 * Reads the settings from the environment. An empty variable counts as absent, as docker compose passes it.
 * @throws OperatorError naming the first variable that cannot be used, and why; it never holds the value
 */
export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  const given = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, env[name] || undefined]));
  const result = environment.safeParse(given);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new OperatorError(`${issue?.path[0]?.toString()} ${issue?.message}`);
}

/** The variables of this process, for the programs that it starts. Everything else reads `Settings`. */
export function ownEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}

/** Whether a client can show a certificate: to this server itself, or to a proxy that it trusts. */
export function takesCertificates({ TLS_CERT, TRUST_PROXY }: Settings): boolean {
  return TLS_CERT !== undefined || TRUST_PROXY.length > 0;
}

/** How clients may register themselves. */
export function registrationOf(settings: Settings): RegistrationSettings {
  const { REGISTRATION: mode, REGISTRATION_SCOPES: scopes, REGISTRATION_MAX_CLIENTS: maxClients } = settings;
  return { mode, scopes, maxClients, documents: settings.CLIENT_ID_METADATA_DOCUMENTS === "on" };
}

/** The address to listen on, and the files of its certificate. */
export function addressOf({ HOST, PORT, TLS_CERT: cert, TLS_KEY: key, TLS_CLIENT_CA: clientCa }: Settings) {
  return { host: HOST, port: PORT, ...(cert && key ? { tls: { cert, key, clientCa } } : {}) };
}

function isDemo(s: { DATABASE_URL?: string | undefined; NODE_ENV?: string | undefined }): boolean {
  return s.DATABASE_URL === undefined && s.NODE_ENV !== "production";
}

function onePerCore(isEmbedded: boolean): number {
  return Math.min(availableParallelism(), isEmbedded ? MAX_EMBEDDED_WORKERS : MAX_WORKERS);
}
