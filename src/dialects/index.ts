import type { Dialect } from "./dialect.js";
import { iothentix } from "./iothentix.js";
import { oauth2 } from "./oauth2.js";
import { simpleIdentityServer } from "./simple-identity-server.js";

/** Every dialect there is; one that says something of its deployment is made of it. A new one is one file and one line here. */
const DIALECTS = {
  oauth2,
  "simple-identity-server": simpleIdentityServer,
  iothentix,
} as const satisfies Readonly<Record<string, Dialect | ((deployment: Deployment) => Dialect)>>;

export type DialectName = keyof typeof DIALECTS;

/** What settings and clients may name. */
export const DIALECT_NAMES = Object.keys(DIALECTS) as [DialectName, ...DialectName[]];

/** What a dialect may have to say of where it is spoken. */
export interface Deployment {
  readonly errorUri: string;
}

/** The settings that choose. */
export interface DialectSettings {
  readonly DIALECTS: readonly DialectName[];
  readonly ROOT_METADATA: DialectName;
  readonly IOTHENTIX_ERROR_URI?: string | undefined;
}

const ROOT_DISCOVERY = "/.well-known/openid-configuration";

/** The dialects to mount, one of which has its discovery document, if any, at the root (contract, ROOT_METADATA). */
export function chooseDialects(settings: DialectSettings, issuer: string): readonly Dialect[] {
  const errorUri = settings.IOTHENTIX_ERROR_URI ?? new URL(issuer).hostname;
  return settings.DIALECTS.map((name) => {
    const found = DIALECTS[name];
    const dialect: Dialect = typeof found === "function" ? found({ errorUri }) : found;
    if (name !== settings.ROOT_METADATA || dialect.documents === undefined) return dialect;
    const { jwks, metadata } = dialect.documents;
    return { ...dialect, documents: { jwks, metadata: [...metadata, ROOT_DISCOVERY] } };
  });
}
