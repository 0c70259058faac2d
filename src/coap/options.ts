import { isUtf8 } from "node:buffer";
import type { Option } from "./message.js";

/** Numbers of options (RFC 7252 section 12.2, RFC 7641, RFC 7959, RFC 7967, RFC 9175). */
export const OPTION = {
  URI_HOST: 3,
  OBSERVE: 6,
  URI_PORT: 7,
  URI_PATH: 11,
  CONTENT_FORMAT: 12,
  MAX_AGE: 14,
  URI_QUERY: 15,
  ACCEPT: 17,
  BLOCK2: 23,
  BLOCK1: 27,
  SIZE2: 28,
  PROXY_URI: 35,
  PROXY_SCHEME: 39,
  SIZE1: 60,
  NO_RESPONSE: 258,
  REQUEST_TAG: 292,
} as const;

/** What a request may have of an option: how often it may appear, and the bytes of its value. */
interface Rule {
  readonly repeats?: true;
  readonly min: number;
  readonly max: number;
  readonly text?: true;
}

/** The options that this server understands. Observe and Uri-Host are understood, and have no effect. */
const RULES = new Map<number, Rule>([
  [OPTION.URI_HOST, { min: 1, max: 255, text: true }],
  [OPTION.OBSERVE, { min: 0, max: 3 }],
  [OPTION.URI_PORT, { min: 0, max: 2 }],
  [OPTION.URI_PATH, { min: 0, max: 255, text: true, repeats: true }],
  [OPTION.CONTENT_FORMAT, { min: 0, max: 2 }],
  [OPTION.URI_QUERY, { min: 0, max: 255, text: true, repeats: true }],
  [OPTION.ACCEPT, { min: 0, max: 2 }],
  [OPTION.BLOCK2, { min: 0, max: 3 }],
  [OPTION.BLOCK1, { min: 0, max: 3 }],
  [OPTION.SIZE2, { min: 0, max: 4 }],
  [OPTION.PROXY_URI, { min: 1, max: 1034, text: true }],
  [OPTION.PROXY_SCHEME, { min: 1, max: 255, text: true }],
  [OPTION.SIZE1, { min: 0, max: 4 }],
  [OPTION.NO_RESPONSE, { min: 0, max: 1 }],
  [OPTION.REQUEST_TAG, { min: 0, max: 8, repeats: true }],
]);

/** The understood options of a request, by number. */
export class Options {
  readonly #values = new Map<number, Buffer[]>();
  /** A critical option that is not understood (RFC 7252 section 5.4.1). */
  readonly unknownCritical: number | undefined;

  /** An option out of its rule counts as not understood (sections 5.4.3 and 5.4.5). */
  constructor(options: readonly Option[]) {
    for (const [number, value] of options) {
      if (this.#isUnderstood(number, value)) this.#values.set(number, [...this.all(number), value]);
      else if (number % 2 === 1) this.unknownCritical ??= number;
    }
  }

  #isUnderstood(number: number, value: Buffer): boolean {
    const rule = RULES.get(number);
    if (rule === undefined || value.length < rule.min || value.length > rule.max) return false;
    if (rule.repeats === undefined && this.#values.has(number)) return false;
    return rule.text === undefined || isUtf8(value);
  }

  all(number: number): readonly Buffer[] {
    return this.#values.get(number) ?? [];
  }

  first(number: number): Buffer | undefined {
    return this.all(number)[0];
  }

  texts(number: number): readonly string[] {
    return this.all(number).map((value) => value.toString("utf8"));
  }
}
