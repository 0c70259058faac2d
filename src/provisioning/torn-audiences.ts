import { audiencesOf } from "../clients/audiences.js";
import type { Db } from "../store/open.js";
import { allScopes } from "../store/scopes.js";

/**
 * One line for each audience whose scopes demand different access tokens. No request for it can be answered, so the author
 * of the file should learn of it before the first client does.
 */
export async function tornAudiences(db: Db): Promise<readonly string[]> {
  return [...audiencesOf(await allScopes(db))].flatMap(([audience, { algorithms, types }]) => [
    ...contradiction(audience, "access_token_signing_alg", algorithms),
    ...contradiction(audience, "access_token_typ", types),
  ]);
}

function contradiction(audience: string, setting: string, values: readonly string[]): readonly string[] {
  return values.length < 2
    ? []
    : [`the scopes of the audience ${audience} contradict each other: ${setting} is ${values.join(" and ")}`];
}
