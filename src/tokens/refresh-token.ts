import type { MasterKey } from "../keys/master-key.js";

/**
 * The text of a refresh token: `jrt_<grant>.<generation>.<MAC>`. It says which generation of which grant it is, and the
 * MAC says that this server wrote it, so garbage is refused before the store is asked, nothing of a token is stored, and
 * the successor of a generation is always the same text (docs/decisions/0002).
 */
const PATTERN = /^jrt_([A-Za-z0-9_-]{22})\.(0|[1-9]\d{0,8})\.([A-Za-z0-9_-]{43})$/;

export interface RefreshTokenName {
  readonly grant_id: string;
  readonly generation: number;
}

export function writeRefreshToken(master: MasterKey, { grant_id, generation }: RefreshTokenName): string {
  const name = `${grant_id}.${generation}`;
  return `jrt_${name}.${master.mac("refresh-token", name).toString("base64url")}`;
}

/** What a refresh token names; undefined if this server did not write it. */
export function readRefreshToken(master: MasterKey, text: string): RefreshTokenName | undefined {
  const [, grant_id, generation, mac] = PATTERN.exec(text) ?? [];
  if (grant_id === undefined || generation === undefined || mac === undefined) return undefined;
  const genuine = master.checkMacText("refresh-token", `${grant_id}.${generation}`, mac);
  return genuine ? { grant_id, generation: Number(generation) } : undefined;
}
