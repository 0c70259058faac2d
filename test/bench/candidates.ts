import { fileURLToPath } from "node:url";
import { PEERS } from "./install-peers.js";

/** The names of the measured requests (operations.ts). */
export type OperationName =
  | "client_credentials"
  | "refresh"
  | "refresh-id-token"
  | "introspect-jwt"
  | "introspect-opaque"
  | "code"
  | "revoke"
  | "password";

/** A server to be measured. */
export interface Candidate {
  /** As the command line names it. */
  readonly name: string;
  readonly title: string;
  /** The script to run; Jeton has its own start. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The npm package whose version the report names. */
  readonly package?: string;
  readonly paths: Readonly<Record<"authorize" | "token" | "introspect" | "revoke", string>>;
  readonly operations: readonly OperationName[];
  /** Which token of an answer its revocation endpoint takes. */
  readonly revokes: "refresh_token" | "access_token";
}

const EVERYTHING: readonly OperationName[] = [
  "client_credentials",
  "refresh",
  "refresh-id-token",
  "introspect-jwt",
  "introspect-opaque",
  "code",
  "revoke",
  "password",
];

const PLAIN_PATHS = { authorize: "/authorize", token: "/token", introspect: "/introspect", revoke: "/revoke" };

const JETON = {
  paths: {
    authorize: "/oauth2/authorize",
    token: "/oauth2/token",
    introspect: "/oauth2/introspect",
    revoke: "/oauth2/revoke",
  },
  operations: EVERYTHING,
  revokes: "refresh_token",
} as const;

/** Every candidate. The first two are what the goals compare. */
export const CANDIDATES: readonly Candidate[] = [
  {
    name: "jeton",
    title: "Jeton",
    ...JETON,
  },
  {
    name: "floor",
    title: "floor",
    program: fileURLToPath(new URL("./floor/main.js", import.meta.url)),
    paths: PLAIN_PATHS,
    operations: EVERYTHING,
    revokes: "refresh_token",
  },
  {
    name: "oidc-provider",
    title: "oidc-provider",
    program: `${PEERS}/oidc-provider.mjs`,
    package: "oidc-provider",
    paths: { authorize: "/auth", token: "/token", introspect: "/token/introspection", revoke: "/token/revocation" },
    operations: ["client_credentials", "refresh", "refresh-id-token", "introspect-opaque", "code", "revoke"],
    revokes: "refresh_token",
  },
  {
    name: "node-oauth",
    title: "@node-oauth/oauth2-server",
    program: `${PEERS}/node-oauth.mjs`,
    package: "@node-oauth/oauth2-server",
    paths: PLAIN_PATHS,
    operations: ["client_credentials", "refresh", "code", "password"],
    revokes: "refresh_token",
  },
  {
    name: "jmondi",
    title: "@jmondi/oauth2-server",
    program: `${PEERS}/jmondi.mjs`,
    package: "@jmondi/oauth2-server",
    paths: PLAIN_PATHS,
    operations: ["client_credentials", "refresh", "introspect-jwt", "code", "revoke", "password"],
    revokes: "access_token",
  },
];

/** What the figures of a candidate are divided by. */
export const REFERENCES = ["floor", "oidc-provider"] as const;
