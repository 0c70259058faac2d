import { randomFill } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../errors/refusal.js";
import type { Monotonic } from "../expected-wait.js";

/** Requests under way with which no process is behind, however slow its machine is at the moment. */
const FREE = 64;

/** Milliseconds that work waits for the event loop and the thread pool, beyond which nothing more is taken. */
const MAX_LAG = 100;

/** Milliseconds of lag from which on only so much is taken as can be looked over before the lag is measured again. */
const BUSY_LAG = 25;

/** Requests taken between two measurements of a busy process. */
const WINDOW = 64;

/** Milliseconds between two lines of the log about what was refused here. */
const REPORT = 1_000;

/** Seconds after which a request that was turned away may come again. */
export const RETRY_AFTER = 1;

/** An answer that was written before it is needed. */
export interface PreparedResponse {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** What the load shedder asks its server, and what it reports. */
export interface LoadShedderHooks {
  /** Whether a path is never refused: supervisors find out about an overload there. */
  readonly isAlwaysOpen: (path: string) => boolean;
  /** Whether a request that needs the database would wait too long for it. */
  readonly isCrowded: () => boolean;
  /** How many of the requests under way wait for something else than this process: nothing is done for them. */
  readonly waiting: () => number;
  /** How a path refuses when there is too much to do; undefined where the application has to say it. */
  readonly refusalAt: (path: string) => PreparedResponse | undefined;
  /** Told what was refused, at most once a second. */
  readonly report: (refused: number) => void;
  /** Told of each refusal. */
  readonly refused: () => void;
}

/** Marks a request that the application is to refuse. */
const SHED = Symbol("turned away");

/**
 * Stands before the application, and refuses what could only wait: before a header is looked at, with an answer that was
 * written when the server started. A refusal must cost next to nothing, because in an overload there are many of them for
 * each request that is served (docs/decisions/0014).
 */
export class LoadShedder {
  readonly #hooks: LoadShedderHooks;
  readonly #now: Monotonic;
  readonly #measure: (done: () => void) => void;
  #taken = 0;
  #lag = 0;
  #askedAt: number | undefined;
  #refused = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param measure does a small piece of work that waits where all work waits */
  constructor(hooks: LoadShedderHooks, now: Monotonic = () => performance.now(), measure = throughThreadPool) {
    this.#hooks = hooks;
    this.#now = now;
    this.#measure = measure;
  }

  /**
   * Refuses a request, where there is too much to do already.
   * @param path of the request, in its one spelling
   * @param underWay requests that were taken and are not answered yet
   * @returns whether it was answered; otherwise it is taken
   */
  refuses(path: string, request: IncomingMessage, response: ServerResponse, underWay: number): boolean {
    if (this.#hooks.isAlwaysOpen(path)) return false;
    const isOverloaded = this.#isOverloaded(underWay);
    if (isOverloaded || this.#hooks.isCrowded()) {
      const refusal = hasOrigin(request) ? undefined : this.#hooks.refusalAt(path);
      if (refusal !== undefined) return this.#refuse(refusal, response);
      // What needs no database is not kept out by it; pages, and what pages of other origins ask, have more to say.
      if (isOverloaded) Object.assign(request, { [SHED]: true });
    }
    this.#taken += 1;
    return false;
  }

  /** Whether work waits for this process too long already. */
  #isOverloaded(underWay: number): boolean {
    if (underWay - this.#hooks.waiting() <= FREE) return false;
    const now = this.#now();
    if (this.#askedAt === undefined) {
      this.#askedAt = now;
      this.#measure(() => this.#measured());
    }
    const lag = Math.max(this.#lag, now - this.#askedAt);
    return lag > MAX_LAG || (lag > BUSY_LAG && this.#taken >= WINDOW);
  }

  #measured(): void {
    this.#lag = this.#now() - this.#askedAt!;
    this.#askedAt = undefined;
    this.#taken = 0;
  }

  #refuse({ status, headers, body }: PreparedResponse, response: ServerResponse): true {
    this.#refused += 1;
    this.#timer ??= setTimeout(() => this.#report(), REPORT).unref();
    this.#hooks.refused();
    response.sendDate = false;
    response.writeHead(status, headers as string[]).end(body);
    return true;
  }

  #report(): void {
    this.#timer = undefined;
    this.#hooks.report(this.#refused);
    this.#refused = 0;
  }
}

/** Whether a page of some origin asks. Headers are looked for as they came: to make an object of them costs more. */
function hasOrigin({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.some((text, index) => index % 2 === 0 && text.length === 6 && text.toLowerCase() === "origin");
}

/** Refuses, in its place, what the load shedder left to the application. */
export function refuseShedRequests(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ raw }) => {
    if (SHED in raw) throw new Refusal("overloaded", { retryAfter: RETRY_AFTER, reason: "too much work waits" });
  });
}

/** Random bytes come from the thread pool, where signatures and hashes are made, and their arrival from the event loop. */
function throughThreadPool(done: () => void): void {
  randomFill(Buffer.alloc(8), done);
}
