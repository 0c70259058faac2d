import { newId, type Random } from "../clock.js";
import type { MasterKey } from "../keys/master-key.js";

/**
 * Tokens for the registration of clients: initial ones, which an operator hands out (RFC 7591 section 3), and the one with which
 * a client manages its own registration (RFC 7592). The store keeps keyed hashes of them.
 */
const PREFIXES = { initial: "jit_", management: "jmt_" } as const;

type Kind = keyof typeof PREFIXES;

/** Bytes of a token. */
const SIZE = 32;

/** A new name of a client or a token. It does not begin with a dash, because a command would take it for a flag. */
export function newName(random: Random): string {
  return `r${newId(random)}`;
}

/** A new token with its hash. */
export function newRegistrationToken(master: MasterKey, random: Random, kind: Kind) {
  const text = PREFIXES[kind] + random(SIZE).toString("base64url");
  return { text, hash: hashOf(master, text) };
}

/** The hash of a token that was sent; undefined for a text that is no such token. */
export function readRegistrationToken(master: MasterKey, text: string, kind: Kind): Buffer<ArrayBuffer> | undefined {
  const isOne = text.startsWith(PREFIXES[kind]) && /^[A-Za-z0-9_-]{43}$/.test(text.slice(PREFIXES[kind].length));
  return isOne ? hashOf(master, text) : undefined;
}

function hashOf(master: MasterKey, text: string): Buffer<ArrayBuffer> {
  return master.mac("registration", text);
}
