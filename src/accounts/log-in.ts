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
 * Whom somebody says they are: a person, by anything they log in with or by a number as it is dialled in a country, or a
 * thing, by its name in its app.
 */
export type ClaimedName =
  | { readonly person: string }
  | { readonly phone: string; readonly country: string | undefined }
  | { readonly thing: string; readonly app_id: string };

/** What somebody brings to be let in. */
export interface LoginAttempt {
  readonly name: ClaimedName;
  /** Or a confirmation code that was sent to the person. */
  readonly password: string;
  /** Where they are (http/network.ts). */
  readonly network: string;
  /** The cookie of a browser that says it is known. */
  readonly knownBrowser?: string | undefined;
}

export interface LoggedIn {
  readonly account: Account;
  /** How it was proven (RFC 8176). */
  readonly amr: readonly string[];
}

/** What is put on record of it (http/decision.ts). */
interface LoginFacts {
  sub?: string;
  alarm?: string;
}

interface LoginParts {
  readonly db: Db;
  readonly caller?: Caller;
  readonly master: MasterKey;
  readonly era: number;
  readonly passwords: Passwords;
  readonly rateLimits: RateLimits;
  readonly codes: ConfirmationCodes;
}

/**
 * Lets somebody in, at the password grant of any dialect and the login page alike. Unknown, wrong, disabled and locked
 * cost the same time and get the same answer; a try is taken before it is checked and given back if it is right
 * (docs/decisions/0008).
 * @throws Refusal resource_owner_credentials_wrong, tries_exhausted, hashing_busy
 */
export function logIn(parts: LoginParts, attempt: LoginAttempt, facts: LoginFacts): Promise<LoggedIn> {
  const identifier = identifierOf(attempt.name);
  // One turn at a time for each name: many right passwords at once take no tries away from each other.
  return parts.passwords.runQueued(identifier, async () => {
    refuseIfLeft(parts.caller);
    // From the first try that is taken to the last that is given back, all of it is done.
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
  if (account !== undefined) facts.sub = account.sub;
  const counter = counterOf(parts, account, identifier, attempt);
  const taken = await rateLimits.consume(counter);
  if ("wait" in taken) {
    // It was no try, so its network has it back, as long as that asks for little else; but it costs what a try costs.
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

/** Puts our own hash in the place of one that another system made, unless the password was changed in between. */
async function renewHash({ db, passwords }: LoginParts, account: Account, password: string): Promise<void> {
  const { sub, password_hash: before } = account;
  const after = await passwords.renewed(before, password);
  if (before !== null && after !== undefined) await replacePasswordHash(db, sub, before, after);
}

/** One form for each name; no person's has a line break in it. */
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
