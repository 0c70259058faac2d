import { browserSessions, type BrowserSessions } from "../accounts/browser-session.js";
import { newId } from "../clock.js";
import type { Core } from "../core.js";
import { finishInteraction, lookAtInteraction, openInteraction } from "../store/interactions.js";

/**
 * What waits for a person at the login: the state of the login itself, and the values of a form that was sent too late. They are
 * kept like an authorization, for as long, and for one browser. The values may be secrets, so they are sealed.
 */
export class Waiting {
  readonly #core: Core;
  readonly #sessions: BrowserSessions;

  constructor(core: Core) {
    this.#core = core;
    this.#sessions = browserSessions(core);
  }

  /** A new identity for a browser that has none. */
  newBrowser(): string {
    return this.#sessions.newBrowser();
  }

  /** Keeps values for a browser. @returns the id under which it finds them */
  async keep(browser: string, values: object): Promise<string> {
    const { db, clock, random, master } = this.#core;
    const id = newId(random);
    const sealed = master.seal("form", Buffer.from(JSON.stringify(values), "utf8")).toString("base64url");
    const request = { kind: "console", sealed };
    await openInteraction(db, { id, browser_hash: this.#hash(browser), request }, clock.statement());
    return id;
  }

  /** The values; undefined if they are unknown, old, or another browser's. */
  async look(browser: string | undefined, id: string): Promise<unknown> {
    if (browser === undefined) return undefined;
    const { db, clock, master } = this.#core;
    const found = await lookAtInteraction(db, id, this.#hash(browser), clock.statement());
    if (typeof found === "string") return undefined;
    const { kind, sealed } = found.request as { readonly kind: string; readonly sealed: string };
    const plain = kind === "console" ? master.openText("form", sealed) : undefined;
    return plain && (JSON.parse(plain.toString("utf8")) as unknown);
  }

  /** The same, once: of several calls, one gets the values. */
  async take(browser: string | undefined, id: string): Promise<unknown> {
    const values = await this.look(browser, id);
    if (values === undefined) return undefined;
    return (await finishInteraction(this.#core.db, id, this.#core.clock.statement())) ? values : undefined;
  }

  /** Another hash than that of the browser's authorizations, so that neither can be taken for the other. */
  #hash(browser: string): Buffer {
    return this.#sessions.hash(`console\n${browser}`);
  }
}
