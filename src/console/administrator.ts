import type { Powers } from "../admin/command.js";
import { powersOf } from "../admin/powers.js";
import { isAdminScope, scopeOfPerson } from "../clients/admin-scopes.js";
import type { Core } from "../core.js";
import { lookAtPerson } from "../store/access-tokens.js";
import { statusQuestion } from "../tokens/access-token.js";
import { CONSOLE_CLIENT_ID } from "./place.js";

/** Seconds since the login within which a person may change something. */
export const MAX_LOGIN_AGE = 15 * 60;

/** The person who uses the console. */
export interface Administrator {
  readonly sub: string;
  readonly name: string;
  readonly powers: Powers;
  /** When they logged in, in seconds since the epoch. */
  readonly auth_time: number;
  /** The token of their cookie, and the grant that it belongs to. */
  readonly jti: string;
  readonly grant_id: string;
}

/**
 * The person of a cookie, as they are now: a person who was disabled, lost the role or had everything ended is none any more.
 * @param cookie the access token that the console got for them
 */
export async function findAdministrator(core: Core, cookie: string | undefined): Promise<Administrator | undefined> {
  const read = cookie === undefined ? undefined : await core.accessTokens.read(cookie);
  if (read === undefined || read.expired) return undefined;
  const { claims } = read;
  const { client_id, scope, auth_time, jti, grant_id } = claims;
  if (client_id !== CONSOLE_CLIENT_ID || auth_time === undefined || grant_id === undefined) return undefined;
  const client = await core.registry.find(client_id);
  const found = await lookAtPerson(core.db, statusQuestion(claims), core.clock.statement());
  if (found === undefined || client === null) return undefined;
  const { sub, preferred_username, roles, claims: known } = found.person;
  const name = typeof known.name === "string" ? known.name : preferred_username;
  // The client can lose a scope, and the person a role, while the token is in force.
  const granted = scope.split(" ").filter((one) => isAdminScope(one) && client.scope.includes(one));
  return { sub, name, powers: powersOf(scopeOfPerson(granted, roles)), auth_time, jti, grant_id };
}
