import { OperatorError } from "../errors/operator-error.js";
import { MAX_ROWS } from "../store/batches.js";
import { isConflict } from "../store/failure.js";
import {
  dropIdentifier,
  holdersOf,
  identifiersAfter,
  recordForm,
  renewIdentifiers,
  storedForm,
  type StoredIdentifier,
} from "../store/identifier-form.js";
import type { Db } from "../store/open.js";
import { normaliseIdentifier } from "./identifiers.js";
import { skeletonOf } from "./look-alike.js";

/**
 * Identifiers that an earlier version stored, brought to the form of this one: a phone number without `(0)` in it, the
 * domain of an email in ASCII, the skeleton of a login name. What is done already is left alone, so it may be stopped
 * anywhere, and two instances may do it at once.
 */

/** The number of the present form. Raise it whenever normaliseIdentifier or skeletonOf says something else of a text. */
const FORM = 1;

/** @throws OperatorError in one line where two people turn out to have one identifier; nothing of it is changed then */
export async function renewStoredIdentifiers(db: Db): Promise<void> {
  if ((await storedForm(db)) >= FORM) return;
  const moved: StoredIdentifier[] = [];
  let page: readonly StoredIdentifier[];
  let last = "";
  do {
    page = await identifiersAfter(db, last, MAX_ROWS);
    last = page.at(-1)?.value ?? last;
    moved.push(...page.filter(isMoved));
    await renewIdentifiers(db, page.filter((one) => !isMoved(one) && lacksSkeleton(one)).map(renewalOf));
  } while (page.length === MAX_ROWS);
  await move(db, moved);
  await recordForm(db, FORM);
}

/** All that move are looked at before one does. */
async function move(db: Db, moved: readonly StoredIdentifier[]): Promise<void> {
  const owners = new Map<string, StoredIdentifier>();
  const wanted = [...new Set(moved.map((one) => normaliseIdentifier(one.value)))];
  for (const holder of await holdersOf(db, wanted)) owners.set(holder.value, holder);
  const doubles: StoredIdentifier[] = [];
  for (const one of moved) {
    const value = normaliseIdentifier(one.value);
    const owner = owners.get(value);
    if (owner !== undefined && owner.sub !== one.sub) throw new OperatorError(collision(owner, one));
    if (owner === undefined) owners.set(value, one);
    else doubles.push(one);
  }
  for (const { value } of doubles) await dropIdentifier(db, value);
  for (const one of moved.filter((one) => !doubles.includes(one))) {
    await renewIdentifiers(db, [renewalOf(one)]).catch((error: unknown) => {
      throw isConflict(error) ? new OperatorError(taken(one)) : error;
    });
  }
}

function collision(one: StoredIdentifier, other: StoredIdentifier): string {
  const value = normaliseIdentifier(one.value);
  return (
    `the users ${one.sub} and ${other.sub} both log in with ${value}, written ${one.value} and ${other.value}: ` +
    "take it from one of them with the version that ran before"
  );
}

function taken({ value, sub }: StoredIdentifier): string {
  const now = normaliseIdentifier(value);
  return `the user ${sub} logs in with ${value}, which is now ${now}, the name of another account: rename one of them`;
}

function isMoved({ value }: StoredIdentifier): boolean {
  return normaliseIdentifier(value) !== value;
}

function lacksSkeleton({ kind, skeleton }: StoredIdentifier): boolean {
  return kind === "login" && (skeleton ?? null) === null;
}

function renewalOf({ value: from, kind }: StoredIdentifier) {
  const value = normaliseIdentifier(from);
  return { from, value, skeleton: kind === "login" ? skeletonOf(value) : null };
}
