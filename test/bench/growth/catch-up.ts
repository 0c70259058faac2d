import { fileURLToPath } from "node:url";
import { summary } from "../../jobs/percentile.js";
import { credentialsOf } from "../deployment.js";
import { FORM_ANSWER, type Load, type PhaseResult } from "../load.js";
import { introspectionLoad, refreshLoad } from "./operations.js";
import type { Place } from "./place.js";

/** Requests of one kind before it is the other kind's turn. */
const TURN = 2_000;

/** Turns between two lines of progress. In so many the sweep has to delete something. */
const TURNS = 10;

/** Authorizations and revocations by which the rate of new rows is measured. */
const MAKING = 3_000;

/** Kinds of requests that are served while the sweep catches up. */
const KINDS = ["refresh", "introspection"] as const;
type Kind = (typeof KINDS)[number];

export interface CatchUp {
  readonly grants: number;
  /** Rows that were due, and the seconds until the sweep had deleted them. */
  readonly rows: number;
  readonly seconds: number;
  /** Rows of each second that requests make where nothing else goes on: grants of authorizations, and revoked tokens. */
  readonly made: Readonly<Record<string, number>>;
  /** Milliseconds in which half of the answers came, and 99 of 100: without the sweep, and until it had caught up. */
  readonly latencies: readonly Latency[];
  /** Bytes of `grants` and its indexes, for each grant that was there at first: before the sweep, and after it. */
  readonly bytes: { readonly before: number; readonly after: number };
  readonly unexpected: number;
  readonly example: string | undefined;
}

interface Latency {
  readonly kind: Kind;
  readonly before: { readonly median: number; readonly p99: number };
  readonly during: { readonly median: number; readonly p99: number };
}

/** Measures a sweep that is behind by all the expired rows of a place, and the requests that are served at the same time. */
export async function measureCatchUp(place: Place, tell: (what: string) => void): Promise<CatchUp> {
  await place.start(fileURLToPath(new URL("./later-server.js", import.meta.url)));
  const answers = new Answers();
  const weight = await place.tables.bytesOf("grants");
  const start = await place.tables.deletedGrants();
  const rows = place.expired;
  tell("rows are made as fast as possible");
  const made = { grants: await rateOf(place, authorizations), revoked_tokens: await rateOf(place, revocations) };
  tell("requests without the sweep");
  // The server sweeps for the first time a minute after its start.
  while ((await place.tables.deletedGrants()) === start) await turn(place, answers, "before");
  answers.forgetLast("before");
  const begun = performance.now();
  let gone = 0;
  while (gone < rows) {
    const before = gone;
    for (let count = 0; gone < rows && count < TURNS; count += 1) {
      await turn(place, answers, "during");
      gone = (await place.tables.deletedGrants()) - start;
    }
    tell(`${gone} of ${rows} rows are swept`);
    if (gone === before) throw new Error(`the sweep deletes no more than ${gone} of ${rows} rows`);
  }
  const seconds = (performance.now() - begun) / 1_000;
  await place.stop();
  const bytes = { before: weight / place.grants, after: (await place.tables.bytesOf("grants")) / place.grants };
  return { grants: place.grants, rows, seconds, made, bytes, ...answers.result() };
}

async function turn(place: Place, answers: Answers, when: "before" | "during"): Promise<void> {
  const refreshed = await place.party.send(refreshLoad(place, place.takeGrants(TURN)), LIMITS);
  answers.add("refresh", when, refreshed);
  answers.add("introspection", when, await place.party.send(introspectionLoad(place, refreshed.brought), LIMITS));
}

const LIMITS = { requests: TURN, seconds: 120, tellsTimes: true } as const;

/** What the turns brought. */
class Answers {
  readonly #turns: { readonly kind: Kind; readonly when: "before" | "during"; readonly result: PhaseResult }[] = [];

  add(kind: Kind, when: "before" | "during", result: PhaseResult): void {
    this.#turns.push({ kind, when, result });
  }

  /** Forgets the last turn, in which the sweep began. */
  forgetLast(when: "before" | "during"): void {
    for (const kind of KINDS)
      this.#turns.splice(
        this.#turns.findLastIndex((one) => one.kind === kind && one.when === when),
        1,
      );
  }

  result(): Pick<CatchUp, "latencies" | "unexpected" | "example"> {
    const of = (kind: Kind, when: string) =>
      summary(
        this.#turns.filter((one) => one.kind === kind && one.when === when).flatMap(({ result }) => result.times),
      );
    return {
      latencies: KINDS.map((kind) => ({ kind, before: of(kind, "before"), during: of(kind, "during") })),
      unexpected: this.#turns.reduce((sum, { result }) => sum + result.unexpected, 0),
      example: this.#turns.find(({ result }) => result.example !== undefined)?.result.example,
    };
  }
}

/** Requests that a place answers in a second, each of which makes a row. */
async function rateOf(place: Place, prepare: (place: Place) => Promise<Load>): Promise<number> {
  const load = await prepare(place);
  const { answers, seconds, unexpected, example } = await place.party.send(load, { requests: MAKING, seconds: 60 });
  if (unexpected > 0) throw new Error(`${unexpected} of ${answers} requests to ${load.target} made no row: ${example}`);
  return answers / seconds;
}

const authorizations = (place: Place) => place.party.authorizationLoad("web", "api1");

async function revocations(place: Place): Promise<Load> {
  const { brought } = await place.party.send(refreshLoad(place, place.takeGrants(MAKING)), {
    seconds: 60,
    requests: MAKING,
  });
  return {
    target: place.party.candidate.paths.revoke,
    headers: credentialsOf("web"),
    form: { token_type_hint: "access_token" },
    own: { name: "token", use: "once", values: brought },
    expects: FORM_ANSWER,
  };
}
