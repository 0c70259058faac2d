import { confirmation, type Confirmation } from "../clients/confirmation.js";
import type { MasterKey } from "../keys/master-key.js";

/**
 * The text of a refresh token, `jrt_<grant>.<generation>.<MAC>`. It names a generation of a grant, and the MAC proves
 * that this server wrote it. So garbage is refused without the store, no token is stored, and the successor of a
 * generation is always the same text (docs/decisions/0002). A bound token of a public client has the thumbprint of its
 * certificate before the MAC (RFC 8705 section 4). That of a DPoP key follows a `~` (RFC 9449 section 5). So no binding needs
 * a column.
 */
const PATTERN =
  /^jrt_([A-Za-z0-9_-]{22})\.(0|[1-9]\d{0,8})\.(?:([A-Za-z0-9_-]{43})\.)?(?:~([A-Za-z0-9_-]{43})\.)?([A-Za-z0-9_-]{43})$/;

export interface RefreshTokenName {
  readonly grant_id: string;
  readonly generation: number;
  /** The keys that it is bound to. */
  readonly cnf?: Confirmation | undefined;
}

export function writeRefreshToken(master: MasterKey, named: RefreshTokenName): string {
  const name = nameOf(named);
  return `jrt_${name}.${master.mac("refresh-token", name).toString("base64url")}`;
}

/** The grant and the generation of a refresh token; undefined if this server did not write it. */
export function readRefreshToken(master: MasterKey, text: string): RefreshTokenName | undefined {
  const [, grant_id, generation, certificate, jkt, mac] = PATTERN.exec(text) ?? [];
  if (grant_id === undefined || generation === undefined || mac === undefined) return undefined;
  const named = { grant_id, generation: Number(generation), cnf: confirmation(certificate, jkt) };
  return master.checkMacText("refresh-token", nameOf(named), mac) ? named : undefined;
}

/** The text under the MAC: two parts, and one for each key that the token is bound to. */
function nameOf({ grant_id, generation, cnf }: RefreshTokenName): string {
  const certificate = cnf?.["x5t#S256"];
  return [
    `${grant_id}.${generation}`,
    ...(certificate === undefined ? [] : [certificate]),
    ...(cnf?.jkt === undefined ? [] : [`~${cnf.jkt}`]),
  ].join(".");
}
