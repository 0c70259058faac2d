import { upsertRows, type BulkTarget } from "./bulk.js";
import { run, type Db, type Transaction } from "./open.js";

/** Issuers whose assertions about people this server accepts (RFC 7523 section 2.1). */
export interface TrustedIssuer {
  readonly issuer: string;
  readonly jwks: { readonly keys: { kty: string; [member: string]: unknown }[] } | null;
  readonly jwks_uri: string | null;
  readonly clients: readonly string[];
  readonly scopes: readonly string[];
  /** The claim that names the user. */
  readonly subject_claim: string;
  readonly subject_is: "sub" | "identifier";
  /** The accepted values of that claim; null for any. */
  readonly subjects: readonly string[] | null;
  readonly claims: Readonly<Record<string, string | number | boolean>>;
  readonly assertion_lifetime: number;
  readonly disabled: boolean;
}

const TARGET: BulkTarget = {
  table: "trusted_issuers",
  key: ["issuer"],
  columns: [
    ...["issuer", "jwks", "jwks_uri", "clients", "scopes", "subject_claim", "subject_is", "subjects", "claims"],
    ...["assertion_lifetime", "disabled"],
  ],
};

/** Writes new or existing issuers. */
export async function saveTrustedIssuers(tx: Transaction, issuers: readonly TrustedIssuer[]): Promise<void> {
  await upsertRows(tx, TARGET, issuers);
}

const FIND = { name: "trusted_issuer_find", text: "SELECT * FROM trusted_issuers WHERE issuer = $1" };

/** The issuer of this name, byte for byte. It is not cached, so a change counts from the next request on. */
export async function findTrustedIssuer(db: Db, issuer: string): Promise<TrustedIssuer | undefined> {
  return (await run<TrustedIssuer>(db, FIND, [issuer]))[0];
}

const ALL = { name: "trusted_issuers_all", text: "SELECT * FROM trusted_issuers ORDER BY issuer" };

/** All issuers. They are few. */
export async function allTrustedIssuers(db: Db): Promise<readonly TrustedIssuer[]> {
  return run<TrustedIssuer>(db, ALL, []);
}
