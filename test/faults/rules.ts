import type { FaultRecord } from "./fault.js";
import { EVERYTHING, type Entry, type History } from "./ledger.js";

/** The rules that hold through every failure: one row for each. */

/** What a rule has to know of a run besides a history. */
export interface Around {
  readonly faults: readonly FaultRecord[];
  endings(history: History): readonly Entry[];
  wasDown(instance: string, from: number, until: number): boolean;
  wasFrozen(instance: string, from: number, until: number): boolean;
  /** By how many milliseconds its clock was wrong at any time of a span. */
  skews(instance: string, from: number, until: number): readonly number[];
  /** Milliseconds by which this program was late itself. */
  lag(from: number, until: number): number;
}

/** An entry that breaks a rule, and why. */
export interface Finding {
  readonly entry: Entry;
  readonly because: string;
}

export interface Rule {
  readonly name: string;
  readonly says: string;
  readonly find: (history: History, around: Around) => readonly Finding[];
}

/** Milliseconds within which every answer comes. */
export const MAX_ANSWER = 10_000;

/** Milliseconds around an end of an instance in which a connection may be cut by it. */
const CUT_MARGIN = 500;

/** Milliseconds that a lifetime may lose by being said in whole seconds. */
const ROUNDING = 2_000;

export const RULES: readonly Rule[] = [
  { name: "revoked-stays", says: "what was acknowledged as ended is never accepted again", find: revokedStays },
  { name: "single-use", says: "what works once works once", find: singleUse },
  { name: "keeps-login", says: "a client that retries by the rules keeps its login", find: keepsLogin },
  { name: "stays-active", says: "an acknowledged token is active until it expires or is ended", find: staysActive },
  { name: "accepted", says: "a right request is not refused", find: accepted },
  { name: "documented", says: "what cannot be answered is a documented 503", find: documented },
  { name: "no-hang", says: `every answer comes within ${MAX_ANSWER / 1000} s`, find: noHang },
];

function revokedStays(history: History, around: Around): readonly Finding[] {
  const endings = endingsOf(history, around).filter(({ ends, outcome }) => ends !== undefined && outcome === "done");
  const uses = history.entries.filter(({ shows, presents }) => shows === "active" && presents !== undefined);
  return uses.flatMap((entry) => {
    const before = endings.find(
      (one) =>
        covers(one.ends, entry.presents!) &&
        entry.begun > one.ended + (one.grace ?? 0) &&
        entry.ended < (one.liftedAt ?? Infinity) &&
        existedBefore(history, entry.presents!, one),
    );
    if (before === undefined) return [];
    return [
      {
        entry,
        because: `${entry.presents} was ended by "${before.operation}", acknowledged at ${seconds(before.ended)}`,
      },
    ];
  });
}

/** Whether an ending can have met a token: a later login of the same person is not ended by it. */
function existedBefore(history: History, label: string, ending: Entry): boolean {
  if (history.entries.includes(ending)) return true;
  const token = history.tokens.get(label);
  return token !== undefined && token.receivedAt < ending.begun;
}

function singleUse(history: History): readonly Finding[] {
  const results = new Map<string, { readonly first: Entry; readonly got: string }>();
  return history.entries.flatMap((entry) => {
    const { single, presents, outcome } = entry;
    if (single === undefined || presents === undefined || outcome !== "done") return [];
    const got = (entry.receives ?? []).filter((label) => !label.startsWith("access")).join(", ");
    const before = results.get(presents);
    if (before === undefined) results.set(presents, { first: entry, got });
    if (before === undefined || (single === "same" && before.got === got)) return [];
    const { first } = before;
    return [
      {
        entry,
        because: `${presents} had worked before: ${first.operation} at ${first.instance}, ${seconds(first.ended)}`,
      },
    ];
  });
}

function keepsLogin(history: History, around: Around): readonly Finding[] {
  const endings = endingsOf(history, around);
  return history.entries
    .filter(({ keeps, outcome }) => keeps === true && outcome === "refused")
    .filter(
      (entry) => !endings.some((one) => one !== entry && one.begun < entry.ended && touches(one, entry.presents!)),
    )
    .map((entry) => ({
      entry,
      because: `nothing had ended this login, and ${entry.presents} is refused (${entry.word})`,
    }));
}

function staysActive(history: History, around: Around): readonly Finding[] {
  const endings = endingsOf(history, around);
  return history.entries.flatMap((entry) => {
    const token = entry.presents === undefined ? undefined : history.tokens.get(entry.presents);
    if (entry.shows !== "inactive" || token === undefined || entry.begun < token.receivedAt) return [];
    const mayHaveEnded = endings.some((one) => one !== entry && one.begun < entry.ended && touches(one, token.label));
    if (mayHaveEnded || hasExpired(token.expiresAt, entry, around)) return [];
    return [{ entry, because: `nothing had ended ${token.label}, and it has not expired` }];
  });
}

/** Whether an instance may take a token for expired, by the clock it had. */
function hasExpired(expiresAt: number, { instance, begun, ended }: Entry, around: Around): boolean {
  return ended + Math.max(0, ...around.skews(instance, begun, ended)) >= expiresAt - ROUNDING;
}

function accepted(history: History, around: Around): readonly Finding[] {
  const endings = endingsOf(history, around);
  return history.entries
    .filter(({ outcome, refusable, shows, keeps }) => outcome === "refused" && !refusable && !shows && !keeps)
    .filter(({ timed, instance, begun, ended }) => !timed || around.skews(instance, begun, ended).length === 0)
    .filter(
      (entry) => !endings.some((one) => one !== entry && one.begun < entry.ended && touches(one, entry.presents ?? "")),
    )
    .map((entry) => ({ entry, because: `nothing is wrong with it, and it is refused: ${entry.status} ${entry.word}` }));
}

function documented(history: History, around: Around): readonly Finding[] {
  return history.entries.flatMap((entry) => {
    const { outcome, instance, begun, ended, status, word } = entry;
    if (outcome === "broken") return [{ entry, because: `${status} ${word} is no documented answer` }];
    if (outcome !== "cut" || around.wasDown(instance, begun - CUT_MARGIN, ended + CUT_MARGIN)) return [];
    return [{ entry, because: `the connection ended without an answer (${word}), and the instance was not ended` }];
  });
}

function noHang(history: History, around: Around): readonly Finding[] {
  return history.entries
    .filter(({ begun, ended }) => ended - begun > MAX_ANSWER)
    .filter(({ begun, ended }) => ended - begun - around.lag(begun, ended) > MAX_ANSWER)
    .filter(({ instance, begun, ended }) => instance !== "operator" && !around.wasFrozen(instance, begun, ended))
    .map((entry) => ({ entry, because: `it took ${Math.round(entry.ended - entry.begun)} ms` }));
}

function endingsOf(history: History, around: Around): readonly Entry[] {
  const begun = history.entries[0]?.begun ?? 0;
  // What was over before the login began did not meet it.
  const later = around
    .endings(history)
    .filter((one) => Math.max(one.ended, one.liftedAt ?? 0) + (one.grace ?? 0) > begun);
  return [...history.entries.filter(({ ends, mayEnd }) => ends ?? mayEnd), ...later];
}

function covers(labels: readonly string[] | undefined, label: string): boolean {
  return labels !== undefined && (labels.includes(EVERYTHING) || labels.includes(label));
}

function touches({ ends, mayEnd }: Entry, label: string): boolean {
  return covers(ends, label) || covers(mayEnd, label);
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`;
}
