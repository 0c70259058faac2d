import { createHmac, randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { call, FetchFailed, readTarget, type CallLimits } from "./fetch.js";

/** The limits of one attempt. The response body is not used. */
const LIMITS: CallLimits = { bytes: 64 * 1024, milliseconds: 5_000 };

/** Milliseconds before each further attempt. */
const PAUSES: readonly number[] = [500, 1000, 2000];

interface DeliveryOptions {
  readonly pauses?: readonly number[];
  /** Ends the delivery, between two attempts or during one. */
  readonly signal?: AbortSignal;
}

/** Why no delivery to this URL can succeed, with any addresses of its name; undefined if one can. */
export function webhookUrlProblem(url: string): string | undefined {
  try {
    readTarget(url, true);
    return undefined;
  } catch (error) {
    if (error instanceof FetchFailed) return error.reason;
    throw error;
  }
}

/**
 * POSTs a message to the operator's webhook, and retries until it is answered with 2xx. A receiver recognises a repeated
 * message by `X-Jeton-Delivery`, and verifies its sender by `X-Jeton-Signature`.
 * @throws FetchFailed of the last attempt
 */
export async function deliver(
  url: string,
  body: object,
  secret: string | undefined,
  { pauses = PAUSES, signal }: DeliveryOptions = {},
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers = {
    "Content-Type": "application/json",
    "X-Jeton-Delivery": randomUUID(),
    ...(secret === undefined ? {} : { "X-Jeton-Signature": `sha256=${signature(secret, bytes)}` }),
  };
  const attempt = () => call(url, { method: "POST", headers, body: bytes, limits: LIMITS, allowPrivate: true, signal });

  for (const pause of [...pauses, undefined]) {
    const failure = await failureOf(attempt);
    if (failure === undefined) return;
    if (pause === undefined) throw failure;
    await wait(pause, undefined, signal && { signal }).catch(() => {
      throw failure;
    });
  }
}

async function failureOf(attempt: () => ReturnType<typeof call>): Promise<FetchFailed | undefined> {
  try {
    const { status } = await attempt();
    return status >= 200 && status < 300 ? undefined : new FetchFailed(`answered ${status}`);
  } catch (error) {
    if (error instanceof FetchFailed) return error;
    throw error;
  }
}

function signature(secret: string, bytes: Buffer): string {
  return createHmac("sha256", secret).update(bytes).digest("hex");
}
