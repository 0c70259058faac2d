import { setTimeout as pause } from "node:timers/promises";
import { basic } from "../support/instance.js";
import { ask, type Answer, type Asked } from "./http.js";
import type { Instance } from "./instance.js";
import { EVERYTHING, type Clock, type Entry, type History } from "./ledger.js";
import { SECRET } from "./provision.js";
import type { Random } from "./random.js";
import type { Run } from "./run.js";

/** What a client knows of the operation that it asks for, beyond what the answer says. */
export type About = Omit<Partial<Entry>, "receives" | "shows"> & {
  readonly receives?: (answer: Answer, clock: Clock) => readonly string[];
  readonly shows?: (answer: Answer) => Entry["shows"];
};

/** Attempts after which a client stops once the run is over and all faults have ended. */
const MAX_LAST_ATTEMPTS = 40;

/** A client with one history: it asks, and writes down what came of it. */
export class Visitor {
  constructor(
    readonly run: Run,
    readonly random: Random,
    readonly history: History,
  ) {}

  /** Asks once. By default an instance that is up, as a balancer would choose. */
  async ask(operation: string, asked: Asked, about: About = {}, at?: Instance): Promise<Answer> {
    const instance = at ?? this.run.fleet.any(this.random);
    const begun = this.run.now();
    const answer = await ask(instance, asked);
    const ended = this.run.now();
    const { receives, shows, ...known } = about;
    // A clock that is ahead may have been set right in this moment: only what a late one takes off is sure.
    const clock = { received: ended, offset: Math.min(0, ...this.run.skews(instance.name, begun, ended)) };
    const entry = { operation, instance: instance.name, begun, ended, ...pickAnswer(answer), ...known };
    const received = answer.outcome === "done" ? receives?.(answer, clock) : undefined;
    const shown = shows?.(answer);
    this.run.ledger.write(this.history, { ...entry, receives: received, shows: shown });
    return answer;
  }

  /**
   * Asks again and again, at any instance, until it is told yes or no.
   * @param again what else is known of every attempt but the first
   */
  async insist(operation: string, asked: Asked, about: About = {}, again: About = AGAIN): Promise<Answer> {
    const { patience: _impatient, ...patient } = asked;
    const later = about.single === "once" || again !== AGAIN ? { ...about, ...again } : about;
    let answer = await this.ask(operation, asked, about);
    for (let last = 0; isOpen(answer) && last < MAX_LAST_ATTEMPTS; last += this.run.isOver ? 1 : 0) {
      await pause(this.random.between(50, 500));
      answer = await this.ask(operation, this.random.chance(0.9) ? patient : asked, later);
    }
    return answer;
  }

  /** Asks whether a token is in force. */
  introspect(label: string, at?: Instance): Promise<Answer> {
    const { text } = this.history.tokens.get(label)!;
    const path = this.random.weighted({ "/oauth2/introspect": 8, "/introspect": 1, "/idp/introspect": 1 });
    return this.ask(
      "introspect",
      { path, form: { token: text }, headers: GATEWAY },
      { presents: label, shows: shownBy },
      at,
    );
  }

  /** Asks every instance that is up. */
  async introspectEverywhere(label: string): Promise<void> {
    for (const instance of this.run.fleet.instances) if (instance.isUp) await this.introspect(label, instance);
  }

  /** Revokes a token until that is acknowledged, and looks at it everywhere. A refresh token stands for everything. */
  async revoke(
    label: string,
    as: Readonly<Record<string, string>>,
    form: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { text } = this.history.tokens.get(label)!;
    const ends = label.startsWith("refresh") ? [EVERYTHING] : [label];
    const path = this.random.chance(0.8) ? "/oauth2/revoke" : "/token/revoke";
    // One dialect says so when a token was not in force.
    const refusable = path === "/token/revoke" ? "the token may not be in force any more" : undefined;
    const asked = { path, form: { token: text, ...form }, headers: as };
    const { outcome } = await this.insist("revoke", asked, { presents: label, ends, refusable });
    if (outcome === "done") await this.introspectEverywhere(label);
  }

  /** Uses a login that its client may still have. */
  async proveItLives(): Promise<void> {}

  rest(least = 0, most = 30): Promise<void> {
    return pause(this.random.between(least, most));
  }
}

/** An attempt without an answer may have used up what works once. */
const AGAIN: About = { refusable: "an earlier attempt may have used it" };

const GATEWAY = basic("gateway", SECRET);

function isOpen({ outcome }: Answer): boolean {
  return outcome !== "done" && outcome !== "refused" && outcome !== "broken";
}

function pickAnswer({ outcome, status, word }: Answer): Pick<Entry, "outcome" | "status" | "word"> {
  return { outcome, status, word };
}

/** What an introspection says; one dialect refuses where others say that a token is not active. */
export function shownBy({ outcome, json }: Answer): Entry["shows"] {
  if (outcome === "done") return json?.active === true ? "active" : "inactive";
  return json?.error_description === "the token is not valid" ? "inactive" : undefined;
}
