import { Refusal } from "../errors/refusal.js";
import type { Db } from "../store/open.js";
import { findByIdentifier, type Account } from "../store/users.js";
import { normaliseIdentifier } from "./identifiers.js";
import type { Passwords } from "./passwords.js";

/**
 * The account whose password this is, for the password grant and the login page alike. Unknown, wrong and disabled cost
 * the same time and get the same answer.
 * @throws Refusal resource_owner_credentials_wrong, hashing_busy
 */
export async function checkPassword(
  { db, passwords }: { readonly db: Db; readonly passwords: Passwords },
  username: string,
  password: string,
): Promise<Account> {
  const account = await findByIdentifier(db, normaliseIdentifier(username));
  const matches = await passwords.verify(account?.password_hash, password);
  if (account === undefined || !matches || account.disabled) {
    const reason = account === undefined ? "no such user" : matches ? "the user is disabled" : "wrong password";
    throw new Refusal("resource_owner_credentials_wrong", {}, { reason });
  }
  return account;
}
