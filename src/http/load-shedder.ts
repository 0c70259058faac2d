import { randomFill } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../errors/refusal.js";
import type { Monotonic } from "../expected-wait.js";

/** Requests in progress that no process refuses, on a slow machine either. */
const FREE = 64;

/** Milliseconds of waiting for the event loop and the thread pool, above which every request is refused. */
const MAX_LAG = 100;

/** Milliseconds of lag from which on only WINDOW requests are accepted between two measurements. */
const BUSY_LAG = 25;

/** Requests accepted between two measurements of a busy process. */
const WINDOW = 64;

/** Milliseconds between two log lines about refusals. */
const REPORT = 1_000;

/** Retry-After of a refused request, in seconds. */
export const RETRY_AFTER = 1;

declare module "fastify" {
  interface FastifyInstance {
    shedder: LoadShedder;
  }
}

/** A response that was formatted at the start. */
export interface PreparedResponse {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** What the load shedder asks its server, and what it reports. */
export interface LoadShedderHooks {
  /** Whether a path is never refused, because supervisors detect an overload there. */
  readonly isAlwaysOpen: (path: string) => boolean;
  /** Whether a request that needs the database would wait too long for it. */
  readonly isCrowded: () => boolean;
  /** The number of requests in progress that wait for something else, and so need no time of this process. */
  readonly waiting: () => number;
  /** The refusal of a path; undefined if the application has to format it. */
  readonly refusalAt: (path: string) => PreparedResponse | undefined;
  /** Receives the number of refusals, at most once a second. */
  readonly report: (refused: number) => void;
  /** Called for each refusal. */
  readonly refused: () => void;
}

/** Marks a request for the application to refuse. */
const SHED = Symbol("turned away");

/**
 * Refuses requests in an overload, before the application reads any header, with a response formatted at the start. A
 * refusal must cost next to nothing, because there are many refusals for each request that is served
 * (docs/decisions/0014).
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

  /** @param measure runs a small job that waits in the same queues as requests */
  constructor(hooks: LoadShedderHooks, now: Monotonic = () => performance.now(), measure = throughThreadPool) {
    this.#hooks = hooks;
    this.#now = now;
    this.#measure = measure;
  }

  /**
   * Refuses a request if there is too much work.
   * @param path of the request, in canonical form
   * @param underWay number of accepted requests without an answer
   * @returns whether the request was answered; otherwise it is accepted
   */
  refuses(path: string, request: IncomingMessage, response: ServerResponse, underWay: number): boolean {
    if (this.#hooks.isAlwaysOpen(path)) return false;
    const isOverloaded = this.#isOverloaded(underWay);
    if (isOverloaded || this.#hooks.isCrowded()) {
      const refusal = hasOrigin(request) ? undefined : this.#hooks.refusalAt(path);
      if (refusal !== undefined) return this.#refuse(refusal, response);
      // A request without need for the database passes a crowded pool. Pages and cross-origin requests get a longer
      // answer from the application.
      if (isOverloaded) Object.assign(request, { [SHED]: true });
    }
    this.#taken += 1;
    return false;
  }

  /** Refuses a request of another protocol if there is too much work. @param underWay requests of every protocol */
  refusesOther(underWay: number): boolean {
    const isRefused = this.#isOverloaded(underWay) || this.#hooks.isCrowded();
    if (isRefused) this.#countRefusal();
    else this.#taken += 1;
    return isRefused;
  }

  /** Whether work already waits too long for this process. */
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
    this.#countRefusal();
    response.sendDate = false;
    response.writeHead(status, headers as string[]).end(body);
    return true;
  }

  #countRefusal(): void {
    this.#refused += 1;
    this.#timer ??= setTimeout(() => this.#report(), REPORT).unref();
    this.#hooks.refused();
  }

  #report(): void {
    this.#timer = undefined;
    this.#hooks.report(this.#refused);
    this.#refused = 0;
  }
}

/** Whether a request has an Origin. Raw headers are searched, because parsing them costs more. */
function hasOrigin({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.some((text, index) => index % 2 === 0 && text.length === 6 && text.toLowerCase() === "origin");
}

/** Refuses the requests that the load shedder left to the application. */
export function refuseShedRequests(app: FastifyInstance): void {
  // With a promise, as in http/envelope.ts.
  app.addHook("onRequest", async ({ raw }) => {
    if (SHED in raw) throw new Refusal("overloaded", { retryAfter: RETRY_AFTER, reason: "too much work waits" });
  });
}

/**
 * Random bytes come from the thread pool, like signatures and hashes, and arrive through the event loop, like requests.
 */
function throughThreadPool(done: () => void): void {
  randomFill(Buffer.alloc(8), done);
}
