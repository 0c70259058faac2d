import { RENEWABLE } from "../endpoints/renew-token.js";
import type { Dialect } from "./dialect.js";
import { iothentix } from "./iothentix.js";
import { kii } from "./kii.js";
import { oauth2 } from "./oauth2.js";
import { screeningEagle } from "./screening-eagle.js";
import { simpleIdentityServer } from "./simple-identity-server.js";

/** Every dialect there is; one that says something of its deployment is made of it. A new one is one file and one line here. */
const DIALECTS = {
  oauth2,
  "simple-identity-server": simpleIdentityServer,
  iothentix,
  "screening-eagle": screeningEagle,
  kii,
} as const satisfies Readonly<Record<string, Dialect | ((options: DialectOptions) => Dialect)>>;

export type DialectName = keyof typeof DIALECTS;

/** What settings and clients may name. */
export const DIALECT_NAMES = Object.keys(DIALECTS) as [DialectName, ...DialectName[]];

/** Those that have discovery documents; the first of them that is mounted has its own at the root where nothing is said. */
export const DOCUMENTED_NAMES = DIALECT_NAMES.filter((name) => "documents" in DIALECTS[name]) as [DialectName];

/** Scopes that mean something in a dialect, also where nobody declares them. */
export const DIALECT_SCOPES: ReadonlySet<string> = new Set([RENEWABLE, screeningEagle.refreshScope!]);

/** Settings that appear in the responses of a dialect. */
export interface DialectOptions {
  readonly errorUri: string;
}

/** The settings that choose. */
export interface DialectSettings {
  readonly DIALECTS: readonly DialectName[];
  readonly ROOT_METADATA: DialectName | undefined;
  readonly IOTHENTIX_ERROR_URI?: string | undefined;
}

const ROOT_DISCOVERY = "/.well-known/openid-configuration";

/** The standard's own place (UMA 2.0 Grant section 2); another dialect's document stands there where the standard is not mounted. */
const UMA_DISCOVERY = "/.well-known/uma2-configuration";

/** The dialects to mount, one of which has its discovery documents, if any, at the root (contract, ROOT_METADATA). */
export function chooseDialects(settings: DialectSettings, issuer: string): readonly Dialect[] {
  const errorUri = settings.IOTHENTIX_ERROR_URI ?? new URL(issuer).hostname;
  const dialects = settings.DIALECTS.map((name): Dialect => {
    const found = DIALECTS[name];
    return typeof found === "function" ? found({ errorUri }) : found;
  });
  const alone = dialects.every(({ documents }) => !documents?.uma.includes(UMA_DISCOVERY));
  return dialects.map((dialect) => {
    if (dialect.name !== settings.ROOT_METADATA || dialect.documents === undefined) return dialect;
    const { jwks, metadata, uma } = dialect.documents;
    const documents = { jwks, metadata: [...metadata, ROOT_DISCOVERY], uma: alone ? [...uma, UMA_DISCOVERY] : uma };
    return { ...dialect, documents };
  });
}
