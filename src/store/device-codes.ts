import { run, type Db } from "./open.js";

/**
 * Device codes (RFC 8628): one row each, from the request of a device until a user has answered it. The answer "allowed" names
 * the grant of the device, whose own row records whether its code has been used (authorization-codes.ts).
 */

/** Seconds: the lifetime of a code, the first pause between two polls, and what each poll that comes too soon adds to it. */
export const DEVICE_CODE = { lifetime: 10 * 60, interval: 5, slowDown: 5 } as const;

/** Seconds by which a poll may come too soon, because a network does not delay all requests equally. */
const POLL_TOLERANCE = 1;

interface NewDeviceCode {
  readonly id: string;
  readonly user_code_hash: Uint8Array;
  readonly client_id: string;
  readonly scope: readonly string[];
}

const OPEN = {
  name: "device_code_open",
  text: `
    INSERT INTO device_codes (id, user_code_hash, client_id, scope, poll_interval, expires_at)
    SELECT $1, $2, $3, $4, ${DEVICE_CODE.interval}, t.now + ${DEVICE_CODE.lifetime} * interval '1 second'
    FROM (SELECT coalesce($5::timestamptz, now()) AS now) t
    ON CONFLICT (user_code_hash) DO NOTHING
    RETURNING 1`,
};

/** Writes a code. @returns false if another one has the same user code */
export async function openDeviceCode(db: Db, code: NewDeviceCode, now: Date | null): Promise<boolean> {
  const { id, user_code_hash, client_id, scope } = code;
  return (await run(db, OPEN, [id, user_code_hash, client_id, scope, now])).length === 1;
}

const FIND = {
  name: "device_code_find",
  text: `
    SELECT id, client_id, scope FROM device_codes
    WHERE user_code_hash = $1 AND answer IS NULL AND expires_at > coalesce($2::timestamptz, now())`,
};

/** A code that waits for the answer of a user. */
interface OpenDeviceCode {
  readonly id: string;
  readonly client_id: string;
  readonly scope: string[];
}

/** The code that waits for an answer under this user code. */
export async function findDeviceCode(
  db: Db,
  user_code_hash: Uint8Array,
  now: Date | null,
): Promise<OpenDeviceCode | undefined> {
  const [found] = await run<OpenDeviceCode>(db, FIND, [user_code_hash, now]);
  return found;
}

const ANSWER = {
  name: "device_code_answer",
  text: `
    UPDATE device_codes SET answer = $2, grant_id = $3
    WHERE id = $1 AND answer IS NULL AND expires_at > coalesce($4::timestamptz, now())
    RETURNING 1`,
};

/** The answer of a user; "allowed" comes with the grant. */
type Answer = { readonly answer: "allowed"; readonly grant_id: string } | { readonly answer: "denied" };

/** Records the answer. @returns false if the code was answered before, or has expired */
export async function answerDeviceCode(db: Db, id: string, given: Answer, now: Date | null): Promise<boolean> {
  const grant_id = given.answer === "allowed" ? given.grant_id : null;
  return (await run(db, ANSWER, [id, given.answer, grant_id, now])).length === 1;
}

/** The expressions see the row as the poll before left it, because a concurrent poll holds the lock of the row. */
const IS_HURRIED = `coalesce(d.polled_at + (d.poll_interval - ${POLL_TOLERANCE}) * interval '1 second' > t.now, false)`;

const POLL = {
  name: "device_code_poll",
  text: `
    UPDATE device_codes d SET
      polled_at     = t.now,
      is_hurried    = ${IS_HURRIED},
      poll_interval = d.poll_interval + CASE WHEN ${IS_HURRIED} THEN ${DEVICE_CODE.slowDown} ELSE 0 END
    FROM (SELECT coalesce($3::timestamptz, now()) AS now) t
    WHERE d.id = $1 AND d.client_id = $2
    RETURNING d.answer, d.grant_id, d.scope, d.is_hurried, d.expires_at <= t.now AS is_expired`,
};

interface Polled {
  readonly answer: "allowed" | "denied" | null;
  readonly grant_id: string | null;
  readonly scope: readonly string[];
  /** Whether the poll came before the interval was over. */
  readonly is_hurried: boolean;
  readonly is_expired: boolean;
}

/** Records that a client polls, and returns the state of the code; undefined if the client has no such code. */
export async function pollDeviceCode(
  db: Db,
  id: string,
  client_id: string,
  now: Date | null,
): Promise<Polled | undefined> {
  const [polled] = await run<Polled>(db, POLL, [id, client_id, now]);
  return polled;
}
