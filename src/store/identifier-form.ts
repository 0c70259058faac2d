import { pieces } from "./batches.js";
import { run, type Db } from "./open.js";
import type { Identifier } from "./users.js";

/** The stored identifiers and the version of their normal form (src/accounts/identifier-form.ts). */

const FORM = { name: "identifier_form", text: "SELECT identifier_form AS form FROM installation" };

/** The version of the form; 0 before the installation is claimed. */
export async function storedForm(db: Db): Promise<number> {
  const [row] = await run<{ form: number }>(db, FORM, []);
  return row?.form ?? 0;
}

const RECORD = { name: "identifier_form_record", text: "UPDATE installation SET identifier_form = $1" };

/** Records the version of the form. */
export async function recordForm(db: Db, form: number): Promise<void> {
  await run(db, RECORD, [form]);
}

export interface StoredIdentifier extends Identifier {
  readonly sub: string;
}

const PAGE = {
  name: "identifiers_page",
  text: "SELECT value, kind, sub, skeleton FROM user_identifiers WHERE value > $1 ORDER BY value LIMIT $2",
};

/** At most `take` identifiers after the given one. */
export async function identifiersAfter(db: Db, after: string, take: number): Promise<readonly StoredIdentifier[]> {
  return run<StoredIdentifier & { value: string }>(db, PAGE, [after, take]);
}

/** An identifier and its new form. */
interface Renewal {
  readonly from: string;
  readonly value: string;
  readonly skeleton: string | null;
}

const RENEW = {
  name: "identifiers_renew",
  text: `
    UPDATE user_identifiers i SET value = n.value, skeleton = n.skeleton
    FROM unnest($1::text[], $2::text[], $3::text[]) AS n ("from", value, skeleton) WHERE i.value = n."from"`,
};

/** @throws Error that isConflict recognises, if another account has one already */
export async function renewIdentifiers(db: Db, renewals: readonly Renewal[]): Promise<void> {
  for (const piece of pieces(renewals)) {
    await run(db, RENEW, [
      piece.map((one) => one.from),
      piece.map((one) => one.value),
      piece.map((one) => one.skeleton),
    ]);
  }
}

const HOLDERS = {
  name: "identifiers_holders",
  text: "SELECT value, kind, sub, skeleton FROM user_identifiers WHERE value = ANY($1)",
};

/** The owners of these identifiers. */
export async function holdersOf(db: Db, values: readonly string[]): Promise<readonly StoredIdentifier[]> {
  return run<StoredIdentifier & { value: string }>(db, HOLDERS, [values]);
}

/** Removes an identifier that its user also has in another form. */
export async function dropIdentifier(db: Db, value: string): Promise<void> {
  await db.prisma.userIdentifier.deleteMany({ where: { value } });
}
