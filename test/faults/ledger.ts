/**
 * What happened, as the clients saw it. An entry is written only after its answer arrived, or after its client stopped
 * waiting. All times are milliseconds of this program's monotonic clock since the run began.
 */

/**
 * done: the answer says yes. refused: 4xx. unavailable: a documented 503. broken: any other 5xx, or a 503 without
 * Retry-After or in a wrong shape. abandoned: the client stopped waiting. cut: the connection ended without an answer.
 */
export type Outcome = "done" | "refused" | "unavailable" | "broken" | "abandoned" | "cut";

export interface Entry {
  readonly operation: string;
  /** The instance that was asked, or "operator". */
  readonly instance: string;
  readonly begun: number;
  readonly ended: number;
  readonly outcome: Outcome;
  readonly status: number;
  /** The answer's error word, or why there was no answer. */
  readonly word: string;
  /** The label of the token, code, ticket or assertion that was presented. */
  readonly presents?: string | undefined;
  /** Labels of what was received. */
  readonly receives?: readonly string[] | undefined;
  /** What the answer says of the presented token. */
  readonly shows?: "active" | "inactive" | undefined;
  /** Labels of what has ended once this operation is acknowledged; EVERYTHING is all of the login. */
  readonly ends?: readonly string[] | undefined;
  /** Labels of what may have ended from the moment at which this operation began. */
  readonly mayEnd?: readonly string[] | undefined;
  /** How soon after its acknowledgement an ending must hold, in milliseconds; at once where it is not said. */
  readonly grace?: number | undefined;
  /** When an ending was about to be taken back; what it ended may be accepted from then on. */
  readonly liftedAt?: number | undefined;
  /** "once": one success at most. "same": any number of successes, all with the same result. */
  readonly single?: "once" | "same" | undefined;
  /** Whether a refusal ends a login that its client kept by the rules. */
  readonly keeps?: boolean | undefined;
  /** Why a refusal is right here. */
  readonly refusable?: string | undefined;
  /** Whether the request carries times of the client's clock, which an instance with a wrong clock may refuse. */
  readonly timed?: boolean | undefined;
}

export const EVERYTHING = "everything";

export interface Token {
  readonly label: string;
  readonly text: string;
  /** When it expires by a right clock, at the earliest: an instance whose clock is behind issues it with less time left. */
  readonly expiresAt: number;
  /** When its answer had arrived. */
  readonly receivedAt: number;
}

/** When an answer arrived, and by how many milliseconds the clock of its instance may have been wrong: 0, or behind. */
export interface Clock {
  readonly received: number;
  readonly offset: number;
}

let histories = 0;

/** Everything that was done with one login (or with one client's own tokens), in the order of the answers. */
export class History {
  readonly id = (histories += 1);
  readonly entries: Entry[] = [];
  readonly tokens = new Map<string, Token>();
  readonly #labels = new Map<string, string>();

  /**
   * @param kind which client this is
   * @param scopes what can end it from outside, for example `user:u1` and `client:mobile`
   */
  constructor(
    readonly kind: string,
    readonly scopes: readonly string[],
  ) {}

  /** The label of a text, for example `refresh 2`; the same text always has the same one. */
  label(sort: string, text: string): string {
    const known = this.#labels.get(text);
    if (known !== undefined) return known;
    const label = `${sort} ${[...this.#labels.values()].filter((one) => one.startsWith(`${sort} `)).length}`;
    this.#labels.set(text, label);
    return label;
  }

  /** Keeps a token that an acknowledged answer gave. @param lifetime seconds, as the answer says */
  keep(sort: string, text: string, lifetime: number, clock: Clock): string {
    const label = this.label(sort, text);
    const expiresAt = clock.received + clock.offset + lifetime * 1000;
    if (!this.tokens.has(label)) this.tokens.set(label, { label, text, expiresAt, receivedAt: clock.received });
    return label;
  }
}

/** An ending of many logins at once, from its announcement on. */
export interface Announced {
  /** Its success was told at this time, and holds everywhere after a grace (milliseconds). */
  acknowledge(ended: number, grace?: number): void;
  /** It is taken back from this time on. */
  lift(at: number): void;
}

/** All histories of a run, and what ended many of them at once. */
export class Ledger {
  /** Answers, by operation. */
  readonly answered = new Map<string, number>();
  readonly outcomes = new Map<Outcome, number>();
  readonly #endings = new Map<string, Entry[]>();

  get operations(): number {
    return [...this.answered.values()].reduce((sum, count) => sum + count, 0);
  }

  write(history: History, entry: Entry): void {
    history.entries.push(entry);
    this.outcomes.set(entry.outcome, (this.outcomes.get(entry.outcome) ?? 0) + 1);
    if (entry.outcome === "cut" || entry.outcome === "abandoned") return;
    this.answered.set(entry.operation, (this.answered.get(entry.operation) ?? 0) + 1);
  }

  /** Announces an operation that ends everything of a scope, before it begins: everything of it may have ended now. */
  announce(scope: string, operation: string, begun: number): Announced {
    const list = this.#endings.get(scope) ?? [];
    this.#endings.set(scope, list);
    const open = { operation, instance: "operator", status: 0, ends: [EVERYTHING], begun } as const;
    const index = list.push({ ...open, ended: Infinity, outcome: "abandoned", word: "under way" }) - 1;
    return {
      acknowledge: (ended, grace = 0) => void (list[index] = { ...open, ended, grace, outcome: "done", word: "" }),
      lift: (liftedAt) => void (list[index] = { ...list[index]!, liftedAt }),
    };
  }

  endings(history: History): readonly Entry[] {
    return history.scopes.flatMap((scope) => this.#endings.get(scope) ?? []);
  }
}
