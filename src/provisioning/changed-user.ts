import { InputError, OperatorError } from "../errors/operator-error.js";
import { checkUser, given, USER_SETTINGS, type UserSettings } from "./entries.js";
import type { ProvisionedUser } from "./schema.js";
import { storedEntry } from "./stored-entry.js";
import type { UserColumns } from "../store/user-update.js";

/** Settings of a user that a command changes; an absent one stays as it is. */
interface UserChanges extends UserSettings {
  readonly preferred_username?: string | undefined;
  /** Further claims by their names; null removes one. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** The flag that says whether an address is verified. */
const VERIFIED = { email: "email_verified", phone_number: "phone_number_verified" } as const;

/**
 * Applies settings to a user. A new address is not verified, unless the change says so.
 * @param unset names of settings and claims that are removed
 * @returns the whole entry
 * @throws OperatorError naming the faulty setting
 */
export function readChangedUser(
  user: UserColumns,
  { claims = {}, ...settings }: UserChanges,
  unset: readonly string[],
): ProvisionedUser {
  const before = storedEntry("users", user);
  const set = { ...given(settings), ...checkedClaims(claims) };
  const removed = unset.map((written) => nameOf(written, before, set));
  if (Object.keys(set).length + removed.length === 0) {
    throw new OperatorError("name a setting: --email E, or --unset email", "invalid");
  }
  const entry = Object.fromEntries(Object.entries({ ...before, ...set }).filter(([name]) => !removed.includes(name)));
  for (const [address, flag] of Object.entries(VERIFIED)) {
    if (entry[address] !== before[address] && set[flag] !== true) delete entry[flag];
  }
  return checkUser(Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null)));
}

/** Keys that are no claims. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  ...["sub", "preferred_username", "password", "password_hash"],
  ...Object.keys(USER_SETTINGS).filter((name) => name !== "name"),
]);

function checkedClaims(claims: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const own = Object.keys(claims).find((name) => OWN_KEYS.has(name));
  if (own !== undefined) throw new InputError(["claims", own], "is no claim: it is a setting of its own");
  return claims;
}

function nameOf(
  written: string,
  before: Readonly<Record<string, unknown>>,
  set: Readonly<Record<string, unknown>>,
): string {
  const setting = written.replaceAll("-", "_");
  const name = Object.hasOwn(USER_SETTINGS, setting) ? setting : written;
  const isKnown = Object.hasOwn(USER_SETTINGS, name) || Object.hasOwn(before, name);
  if (!isKnown || name === "sub" || name === "preferred_username") {
    throw new InputError(["unset"], `there is no setting ${written}`);
  }
  if (Object.hasOwn(set, name)) throw new InputError(["unset"], `${written} is given as well`);
  return name;
}
