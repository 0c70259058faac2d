import { z } from "zod";
import { CLOCK_TOLERANCE, hasCome, hasPassed, type Clock } from "../clock.js";
import type { Code } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import type { MasterKey } from "../keys/master-key.js";
import type { Db } from "../store/open.js";
import { useAssertion } from "../store/used-assertions.js";
import { readJsonBytes } from "./assertion.js";
import type { RegisteredClient } from "./registered-client.js";

/** The claims of an assertion whose signature is verified, and its single use (RFC 7523 section 3). */

/** Longest `jti` of a client, in characters. */
export const MAX_JTI = 1_024;

const claimsSchema = z.object({
  iss: z.unknown().optional(),
  sub: z.unknown().optional(),
  aud: z.unknown().optional(),
  exp: z.unknown().optional(),
  nbf: z.unknown().optional(),
  iat: z.unknown().optional(),
  jti: z.unknown().optional(),
});

type Claims = z.infer<typeof claimsSchema>;

/** The values that the claims must have. */
interface Expected {
  readonly iss: string;
  /** Undefined if the assertion is about another party, whom the caller looks for. */
  readonly sub: string | undefined;
  /** Seconds that the assertion may live. */
  readonly lifetime: number;
  readonly audiences: readonly string[];
  /** Whether `aud` must be a text, and no list with one. */
  readonly isTextOnly?: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The checks of the claims, in the order of their refusals (RFC 7523 section 3). */
const CHECKS: readonly (readonly [Code & `assertion_${string}`, (claims: Claims, expected: Expected) => boolean])[] = [
  ["assertion_client_wrong", ({ iss, sub }, expected) => iss === expected.iss && sub === (expected.sub ?? sub)],
  ["assertion_audience_wrong", ({ aud }, expected) => isMeantFor(aud, expected)],
  ["assertion_expired", ({ exp }, { now }) => isDate(exp) && !hasPassed(exp * 1000, now)],
  ["assertion_lifetime_too_long", ({ exp, iat }, { lifetime, now }) => livesShortly(exp as number, iat, lifetime, now)],
  ["assertion_not_yet_valid", ({ nbf, iat }, { now }) => hasBegun(nbf, now) && hasBegun(iat, now)],
  ["assertion_without_jti", ({ jti }) => typeof jti === "string" && jti !== "" && jti.length <= MAX_JTI],
];

/** The claims that make an assertion usable once. */
interface UsableOnce {
  readonly jti: string;
  /** Seconds since the epoch. */
  readonly exp: number;
}

/** The parts that remember which assertions were used. */
interface UseDependencies {
  readonly db: Db;
  readonly master: MasterKey;
  readonly clock: Clock;
}

/**
 * Checks the claims of an assertion whose signature is verified.
 * @throws Refusal assertion_payload_unreadable, those of CHECKS
 */
export function checkClaims(payload: Buffer, expected: Omit<Expected, "now">, clock: Clock): UsableOnce {
  const { success, data: claims } = claimsSchema.safeParse(readJsonBytes(payload));
  if (!success) throw new Refusal("assertion_payload_unreadable", { reason: "no JSON object" });
  const now = clock.now();
  for (const [code, holds] of CHECKS) if (!holds(claims, { ...expected, now })) throw new Refusal(code);
  return { jti: claims.jti as string, exp: claims.exp as number };
}

/**
 * Marks an assertion as used.
 * @param by the party whose assertions it is counted among
 * @throws Refusal assertion_used
 */
export async function useOnce(
  by: string,
  { jti, exp }: UsableOnce,
  { db, master, clock }: UseDependencies,
): Promise<void> {
  const hash = master.mac("assertion", `${by}\n${jti}`);
  const usableUntil = new Date((exp + CLOCK_TOLERANCE) * 1000);
  const first = await useAssertion(db, hash, usableUntil, clock.statement());
  if (!first) throw new Refusal("assertion_used");
}

/**
 * Accepts the assertion of a client, whose signature is verified, and marks it as used.
 * @throws Refusal assertion_payload_unreadable, those of CHECKS, assertion_used
 */
export async function acceptOnce(
  payload: Buffer,
  { client, ...meant }: Pick<Expected, "audiences" | "isTextOnly"> & { readonly client: RegisteredClient },
  dependencies: UseDependencies,
): Promise<void> {
  const { client_id, assertion_lifetime: lifetime } = client;
  const claims = checkClaims(payload, { iss: client_id, sub: client_id, lifetime, ...meant }, dependencies.clock);
  await useOnce(client_id, claims, dependencies);
}

/**
 * Every audience must be ours: another server that is an audience too could replay the assertion (RFC 8725 section
 * 3.9).
 */
function isMeantFor(
  aud: unknown,
  { audiences, isTextOnly = false }: Pick<Expected, "audiences" | "isTextOnly">,
): boolean {
  if (isTextOnly && typeof aud !== "string") return false;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return named.length > 0 && named.every((one) => typeof one === "string" && audiences.includes(one));
}

/** A NumericDate (RFC 7519 section 2). */
export function isDate(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** `exp` and `iat` come from the client's clock: between them there is no tolerance. @param lifetime in seconds */
function livesShortly(exp: number, iat: unknown, lifetime: number, now: number): boolean {
  return hasCome((exp - lifetime) * 1000, now) && (!isDate(iat) || exp - iat <= lifetime);
}

export function hasBegun(date: unknown, now: number): boolean {
  return date === undefined || (isDate(date) && hasCome(date * 1000, now));
}
