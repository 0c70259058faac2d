import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { PEERS } from "./install-peers.js";

/** Every operation (operations.ts), in the order of the tables. */
const OPERATION_NAMES = [
  "client_credentials",
  "refresh",
  "refresh-id-token",
  "introspect-jwt",
  "introspect-opaque",
  "code",
  "revoke",
  "password",
] as const;

export type OperationName = (typeof OPERATION_NAMES)[number];

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

const PLAIN_PATHS = { authorize: "/authorize", token: "/token", introspect: "/introspect", revoke: "/revoke" };

/** What is the same in each row of Jeton, however many workers its environment asks for. */
const JETON = {
  paths: {
    authorize: "/oauth2/authorize",
    token: "/oauth2/token",
    introspect: "/oauth2/introspect",
    revoke: "/oauth2/revoke",
  },
  operations: OPERATION_NAMES,
  revokes: "refresh_token",
} as const;

/** Every candidate. The goals compare the first one with the floor and oidc-provider. */
export const CANDIDATES: readonly Candidate[] = [
  { name: "jeton", title: "Jeton", ...JETON },
  { name: "jeton-2", title: "Jeton, 2 workers", environment: { WORKERS: "2" }, ...JETON },
  {
    name: "floor",
    title: "floor",
    program: fileURLToPath(new URL("./floor/main.js", import.meta.url)),
    // Jeton leaves one core to other requests while it hashes passwords, so the floor does so too.
    environment: { UV_THREADPOOL_SIZE: String(Math.max(1, availableParallelism() - 1)) },
    paths: PLAIN_PATHS,
    operations: OPERATION_NAMES,
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
