import type { MasterKey } from "../keys/master-key.js";

/**
 * The text of a refresh token: `jrt_<grant>.<generation>.<MAC>`. It says which generation of which grant it is, and the
 * MAC says that this server wrote it, so garbage is refused before the store is asked, nothing of a token is stored, and
 * the successor of a generation is always the same text (docs/decisions/0002). The refresh token of a public client whose
 * tokens are bound names the certificate before the MAC (RFC 8705 section 4); it needs no column either.
 */
const PATTERN = /^jrt_([A-Za-z0-9_-]{22})\.(0|[1-9]\d{0,8})\.(?:([A-Za-z0-9_-]{43})\.)?([A-Za-z0-9_-]{43})$/;

export interface RefreshTokenName {
  readonly grant_id: string;
  readonly generation: number;
  /** The certificate it is bound to, as its SHA-256 thumbprint in base64url. */
  readonly certificate?: string | undefined;
}

export function writeRefreshToken(master: MasterKey, named: RefreshTokenName): string {
  const name = nameOf(named);
  return `jrt_${name}.${master.mac("refresh-token", name).toString("base64url")}`;
}

/** What a refresh token names; undefined if this server did not write it. */
export function readRefreshToken(master: MasterKey, text: string): RefreshTokenName | undefined {
  const [, grant_id, generation, certificate, mac] = PATTERN.exec(text) ?? [];
  if (grant_id === undefined || generation === undefined || mac === undefined) return undefined;
  const named = { grant_id, generation: Number(generation), ...(certificate === undefined ? {} : { certificate }) };
  return master.checkMacText("refresh-token", nameOf(named), mac) ? named : undefined;
}

/** What the MAC is made over: three parts where it is bound, else two. */
function nameOf({ grant_id, generation, certificate }: RefreshTokenName): string {
  return [grant_id, generation, certificate].filter((part) => part !== undefined).join(".");
}
