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
 * Brings identifiers that an earlier version stored to the present form: a phone number without `(0)`, the domain of an
 * email in ASCII, the skeleton of a login name. The work may be interrupted at any point, and two instances may do it
 * at once, because finished rows are left alone.
 */

/** The number of the present form. Raise it when normaliseIdentifier or skeletonOf changes its result for any text. */
const FORM = 1;

/**
 * Brings every stored identifier to the present form. If another account already has that form, the row stays, and no
 * login finds it. Every start repeats these rows until an operator changes one of the two accounts.
 * @returns one line for each row that stays
 */
export async function renewStoredIdentifiers(db: Db): Promise<readonly string[]> {
  if ((await storedForm(db)) >= FORM) return [];
  const moved: StoredIdentifier[] = [];
  let page: readonly StoredIdentifier[];
  let last = "";
  do {
    page = await identifiersAfter(db, last, MAX_ROWS);
    last = page.at(-1)?.value ?? last;
    moved.push(...page.filter(isMoved));
    await renewIdentifiers(db, page.filter((one) => !isMoved(one) && lacksSkeleton(one)).map(renewalOf));
  } while (page.length === MAX_ROWS);
  const collisions = await move(db, moved);
  if (collisions.length === 0) await recordForm(db, FORM);
  return collisions;
}

/**
 * Writes changed identifiers. If two accounts get the same form, neither is changed.
 * @returns one line for each row that stays
 */
async function move(db: Db, moved: readonly StoredIdentifier[]): Promise<readonly string[]> {
  const groups = new Map<string, StoredIdentifier[]>();
  for (const one of moved) {
    const value = normaliseIdentifier(one.value);
    groups.set(value, [...(groups.get(value) ?? []), one]);
  }
  const holders = new Map((await holdersOf(db, [...groups.keys()])).map((one) => [one.value, one]));
  const collisions: string[] = [];
  for (const [value, group] of groups) {
    const holder = holders.get(value);
    const [first, ...more] = holder === undefined ? group : [holder, ...group];
    const other = more.find(({ sub }) => sub !== first!.sub);
    if (other !== undefined) {
      collisions.push(collision(value, first!, other));
      continue;
    }
    for (const double of more) await dropIdentifier(db, double.value);
    if (holder === undefined && !(await renew(db, first!))) collisions.push(taken(value, first!));
  }
  return collisions;
}

/** Writes one identifier. @returns whether the new form was free */
async function renew(db: Db, one: StoredIdentifier): Promise<boolean> {
  try {
    await renewIdentifiers(db, [renewalOf(one)]);
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

function collision(value: string, one: StoredIdentifier, other: StoredIdentifier): string {
  const written = `written ${one.value} and ${other.value}`;
  return `the users ${one.sub} and ${other.sub} both log in with ${value}, ${written}: take it from one of them`;
}

function taken(value: string, one: StoredIdentifier): string {
  return `the user ${one.sub} logs in with ${one.value}, which is ${value}, a name of another account: rename one of them`;
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
