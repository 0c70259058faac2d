import { basic } from "../../support/instance.js";
import type { Answer } from "../http.js";
import { EVERYTHING, History, type Clock } from "../ledger.js";
import { SECRET, subOf } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { Visitor, type About } from "../visitor.js";

/** A login with a refresh token: its client keeps to the rules through every failure. */

/** How a client says who it is. */
export interface Identity {
  readonly client_id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
}

export function confidential(client_id: string): Identity {
  return { client_id, headers: basic(client_id, SECRET), form: {} };
}

export function isPublic(client_id: string): Identity {
  return { client_id, headers: {}, form: { client_id } };
}

/** The address of a person's browser or telephone, so that no two persons share one. */
export function addressOf(person: number): Readonly<Record<string, string>> {
  return { "X-Forwarded-For": `10.20.${person >> 8}.${person & 255}` };
}

/** A history of a person's login at a client, and what can end it from outside. */
export function personHistory(kind: string, client_id: string, person: number): History {
  return new History(`${kind} of ${subOf(person)} at ${client_id}`, [`user:${subOf(person)}`, `client:${client_id}`]);
}

/** Seconds, as the settings of a client have it by default; no run lasts so long. */
const REFRESH_LIFETIME = 1_209_600;

/** What a client does next with a login, by weight. */
const STEPS = { introspect: 36, userinfo: 10, refresh: 30, race: 5, impatient: 6, revokeOne: 4, rest: 9 };

/** How a client leaves a login. */
const LAST_STEPS = { revoke: 5, revokeByAdmin: 1, leave: 4 };

export class Login extends Visitor {
  #refresh: string | undefined;
  #isOpenId = false;

  constructor(
    run: Run,
    random: Random,
    history: History,
    readonly identity: Identity,
  ) {
    super(run, random, history);
  }

  /** The label of the refresh token that the client holds; undefined before it is logged in and once it is refused. */
  get refreshLabel(): string | undefined {
    return this.#refresh;
  }

  /** What a token response means for the history. */
  readonly receives = ({ json }: Answer, clock: Clock): readonly string[] => {
    this.#isOpenId = typeof json.id_token === "string";
    const labels = [this.history.keep("access", json.access_token, json.expires_in, clock)];
    if (typeof json.refresh_token === "string") {
      this.#refresh = this.history.keep("refresh", json.refresh_token, REFRESH_LIFETIME, clock);
      labels.push(this.#refresh);
    }
    return labels;
  };

  /** Does this many things with the login, and leaves it in one of several ways. */
  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps && this.#refresh !== undefined && !this.run.isOver; step += 1) {
      await this.#step(this.random.weighted(STEPS));
    }
    if (this.#refresh !== undefined && !this.run.isOver) await this.#leave(this.random.weighted(LAST_STEPS));
  }

  /** Refreshes until there is an answer, always with the same token (RFC 6749 section 6). */
  async refresh(patience?: number): Promise<void> {
    const { asked, about } = this.#refreshing();
    this.#settle(await this.insist("refresh", patience === undefined ? asked : { ...asked, patience }, about));
  }

  #refreshing() {
    const label = this.#refresh!;
    const { headers, form } = this.identity;
    const refresh_token = this.history.tokens.get(label)!.text;
    const path = this.random.chance(0.85) ? "/oauth2/token" : "/token";
    const about: About = {
      presents: label,
      single: "same",
      keeps: true,
      receives: this.receives,
      shows: ({ outcome }) => (outcome === "done" ? "active" : undefined),
    };
    return { asked: { path, form: { grant_type: "refresh_token", refresh_token, ...form }, headers }, about };
  }

  #settle({ outcome }: Answer): void {
    if (outcome === "refused") this.#refresh = undefined;
  }

  async #step(step: keyof typeof STEPS): Promise<void> {
    if (step === "refresh") return this.refresh();
    if (step === "impatient") return this.refresh(Math.round(this.random.between(5, 1_500)));
    if (step === "race") return this.#race();
    if (step === "rest") return this.rest(0, 200);
    if (step === "userinfo") return this.#userinfo();
    if (step === "revokeOne") return this.revoke(this.#someAccess(), this.identity.headers, this.identity.form);
    await this.introspect(this.#someAccess());
  }

  /** Several tabs of one client refresh at once, at several instances. */
  async #race(): Promise<void> {
    const { asked, about } = this.#refreshing();
    const before = this.#refresh;
    const racers = this.run.fleet.instances.filter((one) => one.isUp || this.random.chance(0.1));
    const answers = await Promise.all(racers.map((instance) => this.ask("refresh", asked, about, instance)));
    if (answers.some(({ outcome }) => outcome === "refused")) this.#refresh = undefined;
    else if (!answers.some(({ outcome }) => outcome === "done")) {
      this.#refresh = before;
      await this.refresh();
    }
  }

  async #userinfo(): Promise<void> {
    const label = this.#someAccess();
    // Only an OpenID Connect login has a person to show (OpenID Connect Core section 5.3).
    if (!this.#isOpenId) return void (await this.introspect(label));
    const headers = { Authorization: `Bearer ${this.history.tokens.get(label)!.text}` };
    await this.ask(
      "userinfo",
      { method: "GET", path: "/oauth2/userinfo", headers },
      { presents: label, shows: shownByUse },
    );
  }

  #someAccess(): string {
    const labels = [...this.history.tokens.keys()].filter((label) => label.startsWith("access"));
    return this.random.chance(0.6) ? labels.at(-1)! : this.random.pick(labels);
  }

  async #leave(last: keyof typeof LAST_STEPS): Promise<void> {
    const label = this.#refresh!;
    if (last === "revoke") await this.revoke(label, this.identity.headers, this.identity.form);
    if (last === "revokeByAdmin") await this.revoke(label, basic("admin", SECRET));
    if (last === "leave") return;
    await this.refusedEverywhere();
  }

  override async proveItLives(): Promise<void> {
    if (this.#refresh !== undefined) await this.refresh();
  }

  /** What has ended is tried once more. */
  async refusedEverywhere(): Promise<void> {
    const { asked, about } = this.#refreshing();
    const { keeps: _keeps, ...ended } = about;
    this.#refresh = undefined;
    await this.ask("refresh", asked, { ...ended, refusable: "the login may have ended", mayEnd: [EVERYTHING] });
  }
}

/** What a protected resource says of the token it was shown. */
export function shownByUse({ outcome, status, word }: Answer): "active" | "inactive" | undefined {
  if (outcome === "done") return "active";
  return status === 401 || word === "WRONG_TOKEN" ? "inactive" : undefined;
}
