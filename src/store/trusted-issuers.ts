import { upsertRows, type BulkTarget } from "./bulk.js";
import { run, type Db, type Transaction } from "./open.js";
import { personColumns, type Person } from "./users.js";

/** Issuers whose assertions about people this server accepts (RFC 7523 section 2.1), and the people that they name. */
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

/** Of a person: only its app knows a thing. */
const PERSON_BY = (condition: string) => `
    SELECT ${personColumns("u")} FROM users u
    WHERE NOT u.disabled AND NOT EXISTS (SELECT 1 FROM things t WHERE t.sub = u.sub) AND ${condition}`;

const BY = {
  sub: { name: "person_by_sub", text: PERSON_BY("u.sub = $1") },
  identifier: {
    name: "person_by_identifier",
    text: PERSON_BY("u.sub = (SELECT i.sub FROM user_identifiers i WHERE i.value = $1)"),
  },
} as const;

/**
 * The enabled person with this `sub`, or with this identifier.
 * @param value an identifier in its normalised form (accounts/identifiers.ts)
 */
export async function findPerson(db: Db, by: keyof typeof BY, value: string): Promise<Person | undefined> {
  return (await run<Person>(db, BY[by], [value]))[0];
}
