import type { MasterKey } from "../keys/master-key.js";

/**
 * The text of a permission ticket, `jtk_<id>.<MAC>` (UMA 2.0 Grant section 3.2). The MAC proves that this server wrote
 * it, so garbage is refused without the store. Its row records whether it has been used.
 */
const PATTERN = /^jtk_([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export function writeTicket(master: MasterKey, id: string): string {
  return `jtk_${id}.${master.mac("permission-ticket", id).toString("base64url")}`;
}

/** The id of a ticket; undefined if this server did not write it. */
export function readTicket(master: MasterKey, text: string): string | undefined {
  const [, id, mac] = PATTERN.exec(text) ?? [];
  if (id === undefined || mac === undefined) return undefined;
  return master.checkMacText("permission-ticket", id, mac) ? id : undefined;
}
