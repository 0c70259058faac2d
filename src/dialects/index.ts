import type { MountedDialect } from "../config.js";
import type { Dialect } from "./dialect.js";
import { kii } from "./kii.js";
import { oauth2 } from "./oauth2.js";
import { screeningEagle } from "./screening-eagle.js";
import { simpleIdentityServer } from "./simple-identity-server.js";

const ROOT_DISCOVERY = "/.well-known/openid-configuration";

/** The standard's own place (UMA 2.0 Grant section 2); another dialect's document stands there where the standard is not mounted. */
const UMA_DISCOVERY = "/.well-known/uma2-configuration";

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
    const { jwks, metadata, uma } = dialect.documents;
    const alone = names.every((one) => DIALECTS[one].documents?.uma.includes(UMA_DISCOVERY) !== true);
    const documents = { jwks, metadata: [...metadata, ROOT_DISCOVERY], uma: alone ? [...uma, UMA_DISCOVERY] : uma };
    return { ...dialect, documents };
  });
}
