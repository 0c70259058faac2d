import { createHash } from "node:crypto";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { abandonAttempt, beginAttempt, findAttempt, finishAttempt, type Attempt } from "../store/admin-answers.js";
import type { Caller } from "../store/audit-actor.js";

/** Longest key, in characters, all of them visible ASCII. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Seconds after which another attempt makes sense, while the first one runs. */
const RETRY_AFTER = 1;

/** A request that has an effect, and its Idempotency-Key. */
interface KeyedRequest {
  readonly key: string;
  readonly caller: Caller;
  readonly command: string;
  readonly input: unknown;
}

/**
 * Does some work once for each Idempotency-Key of a caller. The same request with the same key gets the same answer for a day,
 * secrets included. After a refusal the key is free again, because nothing was changed. If the server stops in the middle, or the
 * database does not report the outcome, the key is in use for a minute.
 * @param work returns the answer as JSON text
 * @throws Refusal idempotency_key_malformed, idempotency_key_reused, idempotency_key_busy
 */
export async function once(core: Core, request: KeyedRequest, work: () => Promise<string>): Promise<string> {
  if (!KEY.test(request.key)) throw new Refusal("idempotency_key_malformed");
  const { db, master, clock } = core;
  const { kind, id, client_id = "" } = request.caller;
  const hash = createHash("sha256")
    .update(JSON.stringify([kind, id, client_id, request.key]))
    .digest();
  const text = JSON.stringify([request.command, request.input]);
  const attempt = await beginAttempt(db, hash, master.mac("admin-answer", text), clock.statement());
  return attempt === undefined ? earlierAnswer(core, hash, text) : carryOut(core, attempt, work);
}

async function carryOut({ db, master }: Core, attempt: Attempt, work: () => Promise<string>): Promise<string> {
  try {
    const answer = await work();
    await finishAttempt(db, attempt, master.seal("admin-answer", Buffer.from(answer)));
    return answer;
  } catch (error) {
    if (error instanceof OperatorError || isRefusal(error)) await abandonAttempt(db, attempt);
    throw error;
  }
}

async function earlierAnswer({ db, master }: Core, id: Uint8Array, text: string): Promise<string> {
  const earlier = await findAttempt(db, id);
  if (earlier !== undefined && !master.checkMac("admin-answer", text, earlier.request)) {
    throw new Refusal("idempotency_key_reused");
  }
  const answer = earlier?.sealed && master.open("admin-answer", earlier.sealed);
  if (!answer) throw new Refusal("idempotency_key_busy", { retryAfter: RETRY_AFTER });
  return answer.toString("utf8");
}
