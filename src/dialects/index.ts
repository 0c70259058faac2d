import type { MountedDialect } from "../config.js";
import type { Dialect } from "./dialect.js";
import { kii } from "./kii.js";
import { oauth2 } from "./oauth2.js";
import { screeningEagle } from "./screening-eagle.js";
import { simpleIdentityServer } from "./simple-identity-server.js";

const ROOT_DISCOVERY = "/.well-known/openid-configuration";

/** Every dialect there is. A new one is one file and one line here. */
const DIALECTS: Readonly<Record<MountedDialect, Dialect>> = {
  oauth2,
  "simple-identity-server": simpleIdentityServer,
  "screening-eagle": screeningEagle,
  kii,
};

/** The dialects to mount, one of which has its discovery document at the root (contract, ROOT_METADATA). */
export function chooseDialects(names: readonly MountedDialect[], root: MountedDialect | undefined): readonly Dialect[] {
  return names.map((name) => {
    const dialect = DIALECTS[name];
    if (name !== root || dialect.documents === undefined) return dialect;
    const { jwks, metadata } = dialect.documents;
    return { ...dialect, documents: { jwks, metadata: [...metadata, ROOT_DISCOVERY] } };
  });
}
