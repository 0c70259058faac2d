import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import { findThing } from "../store/apps.js";
import { inAnyCase, type Db } from "../store/open.js";
import { refuseIfLeft, type Caller } from "../store/pool.js";
import { replacePasswordHash } from "../store/password-hashes.js";
import { findByIdentifier, type Account } from "../store/users.js";
import type { ConfirmationCodes } from "./confirmation-codes.js";
import { startsLock, type Counter, type RateLimits } from "./rate-limits.js";
import { normaliseIdentifier } from "./identifiers.js";
import { knownBrowser } from "./known-browser.js";
import type { Passwords } from "./passwords.js";
import { readLocalPhoneNumber, readPhoneNumber } from "./phone-number.js";

/**
 * The account that a login names: a user by an identifier, a user by a phone number as dialled in a country, or a thing
 * by its name in its app.
 */
export type ClaimedName =
  | { readonly person: string }
  | { readonly phone: string; readonly country: string | undefined }
  | { readonly thing: string; readonly app_id: string };

/** A login with its credentials. */
interface LoginAttempt {
  readonly name: ClaimedName;
  /** The password, or a confirmation code. */
  readonly password: string;
  /** The network of the caller (http/network.ts). */
  readonly network: string;
  /** The cookie of a known browser (accounts/known-browser.ts), not verified yet. */
  readonly knownBrowser?: string | undefined;
}

interface LoggedIn {
  readonly account: Account;
  /** The authentication methods that succeeded (RFC 8176). */
  readonly amr: readonly string[];
}

/** The facts that the audit line gets (http/decision.ts). */
interface LoginFacts {
  sub?: string;
  user_epoch?: number;
  alarm?: string;
}

interface LoginParts {
  readonly db: Db;
  readonly caller?: Caller | undefined;
  readonly master: MasterKey;
  readonly era: number;
  readonly passwords: Passwords;
  readonly rateLimits: RateLimits;
  readonly codes: ConfirmationCodes;
}

/**
 * Logs a user in, for the password grant of every dialect and for the login page. Unknown, wrong, disabled and locked
 * accounts take the same time and get the same answer. An attempt is counted before it is checked, and refunded if it
 * succeeds (docs/decisions/0008).
 * @throws Refusal resource_owner_credentials_wrong, tries_exhausted, hashing_busy
 */
export function logIn(parts: LoginParts, attempt: LoginAttempt, facts: LoginFacts): Promise<LoggedIn> {
  const identifier = identifierOf(attempt.name);
  // One login at a time for each name: simultaneous correct passwords must not use up each other's attempts.
  return parts.passwords.runQueued(identifier, async () => {
    refuseIfLeft(parts.caller);
    // Once an attempt is counted, the login runs to its end, also when the caller has left.
    return logInQueued({ ...parts, db: inAnyCase(parts.db) }, identifier, attempt, facts);
  });
}

async function logInQueued(
  parts: LoginParts,
  identifier: string,
  attempt: LoginAttempt,
  facts: LoginFacts,
): Promise<LoggedIn> {
  const { db, passwords, rateLimits, codes } = parts;
  const network: Counter = { on: "network", id: attempt.network };
  await rateLimits.consumeOrThrow(network);

  const account = await find(db, attempt.name, identifier);
  if (account !== undefined) {
    facts.sub = account.sub;
    facts.user_epoch = account.token_epoch;
  }
  const counter = counterOf(parts, account, identifier, attempt);
  const taken = await rateLimits.consume(counter);
  if ("wait" in taken) {
    // No attempt was made, so the network gets a refund, unless it sends too many of these. The hash keeps the time
    // equal.
    const [excused] = await Promise.all([
      rateLimits.consume({ on: "refused of a network", id: attempt.network }),
      passwords.verify(account?.password_hash, attempt.password, identifier),
    ]);
    if ("count" in excused) await rateLimits.refund(network);
    throw new Refusal("resource_owner_credentials_wrong", { reason: "too many attempts" });
  }

  const [isCode, isPassword] = await Promise.all([
    codes.redeem(identifier, attempt.password),
    passwords.verify(account?.password_hash, attempt.password, identifier),
  ]);
  const proven = isCode || isPassword;
  if (account === undefined || !proven || account.disabled) {
    if (counter.on === "account" && startsLock(counter, taken.count)) facts.alarm = "account_locked";
    throw new Refusal("resource_owner_credentials_wrong", {
      reason: account === undefined ? "no such user" : proven ? "the user is disabled" : "wrong password",
    });
  }
  await Promise.all([
    rateLimits.reset(counter, network),
    isPassword ? renewHash(parts, account, attempt.password) : undefined,
  ]);
  return { account, amr: isCode ? ["otp"] : ["pwd"] };
}

/** Replaces an imported hash by one of ours, unless the password has changed in between. */
async function renewHash({ db, passwords }: LoginParts, account: Account, password: string): Promise<void> {
  const { sub, password_hash: before } = account;
  const after = await passwords.renewed(before, password);
  if (before !== null && after !== undefined) await replacePasswordHash(db, sub, before, after);
}

/** One text for each account name. No user's has a line break in it. */
function identifierOf(name: ClaimedName): string {
  if ("person" in name) return normaliseIdentifier(name.person);
  if ("thing" in name) return `thing\n${name.app_id}\n${name.thing}`;
  const { phone, country } = name;
  const number = country === undefined ? readPhoneNumber(phone) : readLocalPhoneNumber(phone, country);
  return number ?? `no number\n${country}\n${phone}`;
}

function find(db: Db, name: ClaimedName, identifier: string): Promise<Account | undefined> {
  return "thing" in name ? findThing(db, name.app_id, name.thing) : findByIdentifier(db, identifier);
}

function counterOf(
  parts: LoginParts,
  account: Account | undefined,
  identifier: string,
  attempt: LoginAttempt,
): Counter {
  if (account === undefined) return { on: "name", id: identifier };
  const browser = knownBrowser(parts, attempt.knownBrowser, account.sub);
  const own: Counter = { on: "account", id: account.sub };
  return browser === undefined ? own : { on: "browser", id: browser, of: own };
}
