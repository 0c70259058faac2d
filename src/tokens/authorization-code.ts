import type { MasterKey } from "../keys/master-key.js";

/**
 * The text of an authorization code, `jac_<grant>.<MAC>`. It names the grant that it opens, and has a prefix that no
 * other token has. The MAC proves that this server wrote it. The row of the grant records whether it has been used.
 */
const PATTERN = /^jac_([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export function writeAuthorizationCode(master: MasterKey, grant_id: string): string {
  return `jac_${grant_id}.${master.mac("authorization-code", grant_id).toString("base64url")}`;
}

/** The grant that a code opens; undefined if this server did not write it. */
export function readAuthorizationCode(master: MasterKey, text: string): string | undefined {
  const [, grant_id, mac] = PATTERN.exec(text) ?? [];
  if (grant_id === undefined || mac === undefined) return undefined;
  return master.checkMacText("authorization-code", grant_id, mac) ? grant_id : undefined;
}
