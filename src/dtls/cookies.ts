import { createHmac, timingSafeEqual } from "node:crypto";
import { repeatedPart, type ClientHello } from "./client-hello.js";

/** Milliseconds for which one key makes cookies. Cookies of the key before it are accepted too. */
const KEY_LIFE = 60_000;
const KEY_BYTES = 32;

/**
 * Cookies that prove that a client receives at its address (RFC 6347 section 4.2.1). The server remembers none of them: a cookie
 * is a MAC over the address and the ClientHello.
 */
export class Cookies {
  readonly #now: () => number;
  readonly #random: (bytes: number) => Buffer;
  #keys: readonly Buffer[];
  #madeAt: number;

  constructor(now: () => number, random: (bytes: number) => Buffer) {
    this.#now = now;
    this.#random = random;
    this.#keys = [random(KEY_BYTES)];
    this.#madeAt = now();
  }

  make(address: string, hello: ClientHello): Buffer {
    this.#rotate();
    return macOf(this.#keys[0]!, address, hello);
  }

  isValid(address: string, hello: ClientHello): boolean {
    this.#rotate();
    return this.#keys.some((key) => {
      const expected = macOf(key, address, hello);
      return hello.cookie.length === expected.length && timingSafeEqual(hello.cookie, expected);
    });
  }

  #rotate(): void {
    const age = this.#now() - this.#madeAt;
    if (age < KEY_LIFE) return;
    this.#keys = [this.#random(KEY_BYTES), ...(age < 2 * KEY_LIFE ? this.#keys.slice(0, 1) : [])];
    this.#madeAt = this.#now();
  }
}

/** @param address with the port, as it is the same for every datagram of one peer */
function macOf(key: Buffer, address: string, hello: ClientHello): Buffer {
  return createHmac("sha256", key).update(`${address}\n`).update(repeatedPart(hello)).digest();
}
