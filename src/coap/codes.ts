/** Codes of methods and responses (RFC 7252 section 12.1), with class and detail in one byte. */

export const METHOD = { GET: 1, POST: 2, PUT: 3, DELETE: 4, FETCH: 5, PATCH: 6, IPATCH: 7 } as const;

/** The method's name, or its code as documents write it. */
export function nameOfMethod(code: number): string {
  const [name] = Object.entries(METHOD).find(([, one]) => one === code) ?? [];
  return name ?? `0.${String(code).padStart(2, "0")}`;
}

export const RESPONSE = {
  CONTENT: 69,
  CONTINUE: 95,
  METHOD_NOT_ALLOWED: 133,
  NOT_ACCEPTABLE: 134,
} as const;

/** Content-Formats (section 12.3, RFC 9200 section 8.16). */
export const FORMAT = { TEXT: 0, LINKS: 40, JSON: 50, CBOR: 60, ACE_CBOR: 19 } as const;

/** The code of an HTTP status (RFC 8075 section 7): 201 is 2.01. */
export function codeOfStatus(status: number): number {
  return (Math.floor(status / 100) << 5) | (status % 100);
}

/** The class of a code: 2 for success. */
export function classOf(code: number): number {
  return code >> 5;
}

/** Whether a message with this code is a request. */
export function isRequest(code: number): boolean {
  return code > 0 && classOf(code) === 0;
}
