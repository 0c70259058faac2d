import { REGISTRATION_OPERATIONS } from "../endpoints/registration.js";
import { RENEWABLE } from "../endpoints/renew-token.js";
import type { RegistrationSettings } from "../clients/registration.js";
import type { Dialect } from "./dialect.js";
import { iothentix } from "./iothentix.js";
import { kii } from "./kii.js";
import { oauth2 } from "./oauth2.js";
import { screeningEagle } from "./screening-eagle.js";
import { simpleIdentityServer } from "./simple-identity-server.js";

/** All dialects. A new one is one file and one line here. A function makes a dialect from settings. */
const DIALECTS = {
  oauth2,
  "simple-identity-server": simpleIdentityServer,
  iothentix,
  "screening-eagle": screeningEagle,
  kii,
} as const satisfies Readonly<Record<string, Dialect | ((options: DialectOptions) => Dialect)>>;

export type DialectName = keyof typeof DIALECTS;

/** The values of `dialects` in settings and client registrations. */
export const DIALECT_NAMES = Object.keys(DIALECTS) as [DialectName, ...DialectName[]];

/** The dialects with discovery documents. By default the first mounted one also serves its document at the root. */
export const DOCUMENTED_NAMES = DIALECT_NAMES.filter((name) => "documents" in DIALECTS[name]) as [DialectName];

/** Scopes with a meaning in a dialect: a client may have them without a declaration. */
export const DIALECT_SCOPES: ReadonlySet<string> = new Set([RENEWABLE, screeningEagle.refreshScope!]);

/** Settings that appear in the responses of a dialect. */
interface DialectOptions {
  readonly errorUri: string;
}

/** The settings that choose the dialects. */
interface DialectSettings {
  readonly DIALECTS: readonly DialectName[];
  readonly ROOT_METADATA: DialectName | undefined;
  readonly IOTHENTIX_ERROR_URI?: string | undefined;
  /** Off if absent. */
  readonly REGISTRATION?: RegistrationSettings["mode"];
}

const ROOT_DISCOVERY = "/.well-known/openid-configuration";

/** The standard's path (UMA 2.0 Grant section 2). If no mounted dialect has it, ROOT_METADATA's dialect gets it. */
const UMA_DISCOVERY = "/.well-known/uma2-configuration";

/** The dialects to mount. The one in ROOT_METADATA also serves its discovery documents at the root (docs/settings.md). */
export function chooseDialects(settings: DialectSettings, issuer: string): readonly Dialect[] {
  const errorUri = settings.IOTHENTIX_ERROR_URI ?? new URL(issuer).hostname;
  const dialects = settings.DIALECTS.map((name): Dialect => {
    const found = DIALECTS[name];
    return withoutUnused(typeof found === "function" ? found({ errorUri }) : found, settings);
  });
  const alone = dialects.every(({ documents }) => !documents?.uma.includes(UMA_DISCOVERY));
  return dialects.map((dialect) => {
    if (dialect.documents === undefined) return dialect;
    const isRoot = dialect.name === settings.ROOT_METADATA;
    const { jwks, metadata, uma } = dialect.documents;
    const documents = {
      jwks,
      metadata: insertPath(isRoot ? [...metadata, ROOT_DISCOVERY] : metadata, issuer),
      uma: isRoot && alone ? [...uma, UMA_DISCOVERY] : uma,
    };
    return { ...dialect, documents };
  });
}

/** The well-known paths of an issuer that has a path itself: clients append it (RFC 8414 section 3.1). */
function insertPath(paths: readonly string[], issuer: string): readonly string[] {
  const { pathname } = new URL(issuer);
  if (pathname === "/") return paths;
  return [...paths, ...paths.filter((path) => path.startsWith("/.well-known/")).map((path) => path + pathname)];
}

/** Leaves out the endpoints that the settings switch off. */
function withoutUnused(dialect: Dialect, { REGISTRATION = "off" }: DialectSettings): Dialect {
  if (REGISTRATION !== "off") return dialect;
  return {
    ...dialect,
    endpoints: dialect.endpoints.filter(({ operation }) => !REGISTRATION_OPERATIONS.has(operation)),
  };
}
