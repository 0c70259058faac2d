import { epochOf } from "./epochs.js";
import { run, type Db, type Transaction } from "./open.js";

/** What a kept decision depends on of a user and of a grant, when it is made again. */

/** The state of a user. */
export interface PersonState {
  readonly sub: string;
  readonly disabled: boolean;
  readonly roles: readonly string[];
  readonly token_epoch: number;
}

const PEOPLE = {
  name: "person_states",
  text: `SELECT u.sub, u.disabled, u.roles, ${epochOf("u")} AS token_epoch FROM users u WHERE u.sub = ANY ($1)`,
};

export async function personStates(where: Db | Transaction, subs: readonly string[]): Promise<readonly PersonState[]> {
  return run(where, PEOPLE, [subs]);
}

/** The state of a grant. */
export interface GrantState {
  readonly id: string;
  readonly scope: readonly string[];
  readonly redirect_uri: string | null;
  readonly ended_at: Date | null;
  readonly ended_because: string | null;
}

const GRANTS = {
  name: "grant_states",
  text: "SELECT id, scope, redirect_uri, ended_at, ended_because FROM grants WHERE id = ANY ($1)",
};

export async function grantStates(where: Db | Transaction, ids: readonly string[]): Promise<readonly GrantState[]> {
  return run(where, GRANTS, [ids]);
}
