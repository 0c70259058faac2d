import type { Core } from "../core.js";
import { decisionsFrom, type DecisionPlace } from "../store/decision-list.js";
import { grantStates, personStates } from "../store/decision-facts.js";
import type { KeptDecision } from "../store/decisions.js";
import { atOneMoment, type Transaction } from "../store/open.js";
import type { Client } from "../clients/registry.js";
import { today, type Configuration } from "./configuration.js";
import { decideAgain } from "./decide-again.js";
import { differenceOf, type Outcome } from "./difference.js";
import { laidOver } from "./laid-over.js";
import { recall } from "./recalled.js";

/** Decisions that are read at once. */
const PAGE = 500;

/** Decisions between two lines of progress. */
const PROGRESS = 20_000;

/** Kinds of differences that are counted by themselves, at most. */
const MAX_KINDS = 200;

interface ReplayOrder {
  /** Decisions from this time on. */
  readonly since: Date;
  /** A provisioning file. */
  readonly document: object;
  /** Most differences that are listed. */
  readonly limit: number;
  readonly report: (line: string) => void;
}

/** A decision that would come out differently. */
interface Difference {
  readonly id: string;
  readonly decided_at: Date;
  readonly client_id?: string;
  readonly sub?: string;
  readonly before: Outcome;
  readonly after: Outcome;
  /** Whether it would come out so without the file, too: the configuration has changed since. */
  readonly without_the_file: boolean;
}

/** Decides the kept requests under the configuration that a file would make. It changes nothing. */
export async function replay(core: Core, { since, document, limit, report }: ReplayOrder) {
  const base = await today(core);
  const cache = new Cache(base);
  const configuration = await laidOver(core, cache.configuration, document);
  const kinds = new Map<string, number>();
  const differences: Difference[] = [];
  const counts = { decided: 0, same: 0, different: 0, open: 0 };
  for await (const page of pagesOf(core, since, cache)) {
    for (const one of page) {
      const recalled = recall(one);
      const verdict = await decideAgain(recalled, configuration);
      const difference = differenceOf(recalled, verdict);
      counts.decided += 1;
      if (difference === undefined) counts.same += 1;
      else {
        counts[verdict.outcome === "open" ? "open" : "different"] += 1;
        count(kinds, `${nameOf(difference.before)} → ${nameOf(difference.after)}`);
        if (differences.length < limit) {
          const now = differenceOf(recalled, await decideAgain(recalled, cache.configuration));
          const without_the_file = JSON.stringify(now?.after) === JSON.stringify(difference.after);
          differences.push({ ...about(one), ...difference, without_the_file });
        }
      }
      if (counts.decided % PROGRESS === 0) report(`${counts.decided} decisions, ${counts.different} different so far`);
    }
  }
  return {
    ...counts,
    kinds: [...kinds]
      .map(([change, number]) => ({ change, count: number }))
      .sort((one, other) => other.count - one.count),
    differences,
    left_out: counts.different + counts.open - differences.length,
  };
}

function about({ id, decided_at, client_id, sub }: KeptDecision) {
  return { id, decided_at, ...(client_id === null ? {} : { client_id }), ...(sub === null ? {} : { sub }) };
}

function nameOf({ outcome, code, scope, audience, lifetime }: Outcome): string {
  if (code !== undefined) return `${outcome}: ${code}`;
  const terms = Object.entries({ scope, audience, lifetime }).filter(([, value]) => value !== undefined);
  return terms.length === 0
    ? outcome
    : `${outcome} with ${terms.map(([name, value]) => `${name} "${value}"`).join(", ")}`;
}

function count(kinds: Map<string, number>, kind: string): void {
  const name = kinds.has(kind) || kinds.size < MAX_KINDS ? kind : "other";
  kinds.set(name, (kinds.get(name) ?? 0) + 1);
}

/** The decisions since a time, in pages. Each is read in a transaction of its own, so that a long run holds nothing up. */
async function* pagesOf({ db }: Core, since: Date, cache: Cache): AsyncGenerator<readonly KeptDecision[]> {
  let place: { readonly decided_at: Date; readonly id?: string } = { decided_at: since };
  for (;;) {
    const page = await atOneMoment(db, async (tx) => {
      const rows = await decisionsFrom(tx, place, PAGE);
      await cache.load(tx, rows);
      return rows;
    });
    yield page;
    const last: DecisionPlace | undefined = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    place = last;
  }
}

/** The configuration of today, with the users and grants of one page of decisions read at once. */
class Cache {
  readonly configuration: Configuration;
  readonly #clients = new Map<string, Client | null>();
  #people: ReadonlyMap<string, Awaited<ReturnType<typeof personStates>>[number]> = new Map();
  #grants: ReadonlyMap<string, Awaited<ReturnType<typeof grantStates>>[number]> = new Map();

  constructor(base: Configuration) {
    this.configuration = {
      ...base,
      client: (id) => this.#client(base, id),
      person: async (sub) => this.#people.get(sub),
      grant: async (id) => this.#grants.get(id),
    };
  }

  async load(tx: Transaction, page: readonly KeptDecision[]): Promise<void> {
    const subs = [...new Set(page.flatMap(({ sub }) => sub ?? []))];
    const ids = [...new Set(page.flatMap((one) => recall(one).facts.grant_id ?? []))];
    this.#people = new Map((await personStates(tx, subs)).map((one) => [one.sub, one]));
    this.#grants = new Map((await grantStates(tx, ids)).map((one) => [one.id, one]));
  }

  async #client(base: Configuration, id: string): Promise<Client | null> {
    const known = this.#clients.get(id);
    if (known !== undefined) return known;
    if (this.#clients.size >= MAX_CLIENTS) this.#clients.clear();
    const client = await base.client(id);
    this.#clients.set(id, client);
    return client;
  }
}

/** Clients in memory, at most. */
const MAX_CLIENTS = 5_000;
