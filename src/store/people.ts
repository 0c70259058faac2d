import { run, type Db } from "./open.js";
import { personColumns, type Person } from "./users.js";

/** Enabled people, found by a name that another server or an administrator gives. */

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
