import { BUILT_IN_SCOPES } from "../tokens/claims.js";

/**
 * Names that no claim of a user may have. A key that the file format does not know becomes a claim, which is stored in clear and
 * may be released. So a misspelling of a known key and the name of a secret are refused.
 */

/** Names of secrets and of their hashes. */
const SENSITIVE =
  /^(pass(word|wort|wd|code|phrase)|pwd|credentials?$)|secret|(^|[_-])(hash|salt|pwd|passwd)$|[a-z](Hash|Salt|Password)$/i;

/** Known claims of which some look like misspelled keys, such as `role`. */
const STANDARD = new Set(BUILT_IN_SCOPES.flatMap(({ claims }) => claims));

/** A name of at least this many letters counts as misspelled if it differs from a known one by at most so many. */
const SLIPS: readonly (readonly [length: number, letters: number])[] = [
  [9, 2],
  [4, 1],
];

/**
 * Why a key cannot be a claim; undefined if it can.
 * @param known the keys of the entry
 */
export function claimNameProblem(name: string, known: readonly string[]): string | undefined {
  if (SENSITIVE.test(name)) return "is no claim: the name is that of a secret";
  if (STANDARD.has(name)) return undefined;
  const meant = known.find((one) => isSlipOf(one, name));
  return meant === undefined ? undefined : `is no claim: it looks like ${meant}, misspelt`;
}

function isSlipOf(known: string, name: string): boolean {
  const [one, other] = [known, name].map((text) => text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ""));
  const most = SLIPS.find(([length]) => Math.min(one!.length, other!.length) >= length)?.[1] ?? 0;
  return Math.abs(one!.length - other!.length) <= most && distance(one!, other!) <= most;
}

/** The number of letters that are missing, added, changed or swapped with a neighbour (optimal string alignment). */
function distance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const changed = rows[i - 1]![j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row.push(Math.min(changed, rows[i - 1]![j]! + 1, row[j - 1]! + 1, swaps ? rows[i - 2]![j - 2]! + 1 : Infinity));
    }
    rows.push(row);
  }
  return rows[one.length]![other.length]!;
}
