import type { MasterKey } from "../keys/master-key.js";

/**
 * The text of an authorization code, `jac_<grant>.<MAC>`. It names the grant that it opens, and has a prefix that no
 * other token has. The MAC proves that this server wrote it. The row of the grant records whether it has been used. A code
 * that is bound to a DPoP key (RFC 9449 section 10) has the thumbprint of the key before the MAC.
 */
const PATTERN = /^jac_([A-Za-z0-9_-]{22})\.(?:([A-Za-z0-9_-]{43})\.)?([A-Za-z0-9_-]{43})$/;

/** @param jkt the thumbprint of the key that the code is bound to, if it is bound */
export function writeAuthorizationCode(master: MasterKey, grant_id: string, jkt?: string): string {
  const name = nameOf(grant_id, jkt);
  return `jac_${name}.${master.mac("authorization-code", name).toString("base64url")}`;
}

/** The grant that a code opens, and the key that it is bound to; undefined if this server did not write it. */
export function readAuthorizationCode(
  master: MasterKey,
  text: string,
): { readonly grant_id: string; readonly jkt: string | undefined } | undefined {
  const [, grant_id, jkt, mac] = PATTERN.exec(text) ?? [];
  if (grant_id === undefined || mac === undefined) return undefined;
  return master.checkMacText("authorization-code", nameOf(grant_id, jkt), mac) ? { grant_id, jkt } : undefined;
}

function nameOf(grant_id: string, jkt: string | undefined): string {
  return jkt === undefined ? grant_id : `${grant_id}.${jkt}`;
}
