import { setMaxListeners } from "node:events";
import type { Core } from "../core.js";
import { call, FetchFailed, type CallLimits } from "../outbound/fetch.js";
import type { ChangeFeed } from "../store/listen.js";
import {
  claimLogoutNotices,
  countLogoutNotices,
  isLastAttempt,
  settleLogoutNotice,
  type LogoutNotice,
} from "../store/logout-notices.js";
import { issueLogoutToken } from "../tokens/logout-token.js";

/** The limits of one call. The response body is not used. */
const LIMITS: CallLimits = { bytes: 64 * 1024, milliseconds: 5_000 };

/** Milliseconds between two calls of `deliver` for notices that are to be sent again. The first attempt does not wait for it. */
export const LOGOUT_RETRY = 10_000;

/** Notices that are sent at once. */
const AT_ONCE = 16;

/** Receives failed deliveries. */
interface Log {
  warn(line: object, message: string): void;
}

interface BackChannelParts {
  readonly core: Pick<Core, "issuer" | "db" | "clock" | "random" | "ring" | "master" | "registry">;
  readonly log: Log;
  /** Whether clients may be called at loopback and private addresses. */
  readonly allowPrivate: boolean;
}

/** Tells clients that a session of their user has ended (OpenID Connect Back-Channel Logout 1.0 section 2.5). */
export class BackChannelLogout {
  readonly #parts: BackChannelParts;
  readonly #end = new AbortController();
  #round: Promise<void> | undefined;
  #isWanted = false;
  #waiting = 0;

  constructor(parts: BackChannelParts) {
    this.#parts = parts;
    // Each call under way listens to it.
    setMaxListeners(AT_ONCE, this.#end.signal);
  }

  /** The notices that no client has got yet, when this instance looked last. Counted up to 10,000. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Sends notices as soon as they are written. What fails is left for a regular call of `deliver`. */
  hear(feed: Pick<ChangeFeed, "subscribe">): void {
    feed.subscribe((change) => {
      if (change?.kind !== "logouts") return;
      this.deliver().catch((error: unknown) =>
        this.#parts.log.warn({ err: error }, "telling clients of logouts failed"),
      );
    });
  }

  /** Sends every notice that is due. A call during a round makes that round look once more. */
  deliver(): Promise<void> {
    this.#isWanted = true;
    this.#round ??= this.#deliverAll().finally(() => (this.#round = undefined));
    return this.#round;
  }

  /** Ends the calls in progress. Their notices are sent later, or by another instance. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#round?.catch(() => undefined);
  }

  async #deliverAll(): Promise<void> {
    const { db, clock } = this.#parts.core;
    // A client that does not answer must not delay the others.
    const failing = new Set<string>();
    while (!this.#end.signal.aborted) {
      this.#isWanted = false;
      const notices = await claimLogoutNotices(db, AT_ONCE, [...failing], clock.statement());
      await Promise.all(
        notices.map(async (notice) => {
          if (!(await this.#send(notice))) failing.add(notice.client_id);
        }),
      );
      if (notices.length > 0 || this.#isWanted) continue;
      this.#waiting = await countLogoutNotices(db);
      return;
    }
  }

  /** @returns false if the client could not be told */
  async #send(notice: LogoutNotice): Promise<boolean> {
    const { core, log } = this.#parts;
    const { client_id, sub, sid, attempts } = notice;
    const client = await core.registry.find(client_id);
    const uri = client === null || client.disabled ? null : client.backchannel_logout_uri;
    const failure = client === null || uri === null ? undefined : await this.#post(uri, client, { sub, sid });
    if (this.#end.signal.aborted && failure !== undefined) return false;
    const isOver = failure === undefined || isLastAttempt(notice);
    if (isOver) await settleLogoutNotice(core.db, notice);
    if (failure === undefined) return true;
    const outcome = isOver ? "it is given up" : "it is retried";
    const line = { type: "backchannel_logout", client_id, attempts, reason: failure.reason };
    log.warn(line, `a client could not be told of a logout; ${outcome}`);
    return false;
  }

  async #post(
    uri: string,
    client: Parameters<typeof issueLogoutToken>[1],
    { sub, sid }: Pick<LogoutNotice, "sub" | "sid">,
  ): Promise<FetchFailed | undefined> {
    const { core, allowPrivate } = this.#parts;
    const logout_token = await issueLogoutToken(core, client, { sub, sid: sid || undefined });
    try {
      const { status } = await call(uri, {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: Buffer.from(new URLSearchParams({ logout_token }).toString()),
        limits: LIMITS,
        allowPrivate,
        signal: this.#end.signal,
      });
      return status >= 200 && status < 300 ? undefined : new FetchFailed(`answered ${status}`);
    } catch (error) {
      if (error instanceof FetchFailed) return error;
      throw error;
    }
  }
}
