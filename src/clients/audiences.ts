import type { DeclaredScope } from "../store/scopes.js";

/** What a resource server accepts, by the declared scopes of its audience: nothing, one value, or several by mistake. */
interface Audience {
  readonly algorithms: readonly string[];
  readonly types: readonly string[];
}

/** Audiences by their names. */
export type Audiences = ReadonlyMap<string, Audience>;

/** Collects what the scopes of each audience say. */
export function audiencesOf(scopes: readonly DeclaredScope[]): Audiences {
  const audiences = new Map<string, Audience>();
  for (const { audience, access_token_signing_alg: alg, access_token_typ: typ } of scopes) {
    if (audience === null) continue;
    const { algorithms = [], types = [] } = audiences.get(audience) ?? {};
    audiences.set(audience, { algorithms: withValue(algorithms, alg), types: withValue(types, typ) });
  }
  return audiences;
}

function withValue(list: readonly string[], value: string | null): readonly string[] {
  return value === null || list.includes(value) ? list : [...list, value];
}
