/** Bits that the modulus of an RSA key has at least (RFC 7518 section 3.3; of a TLS key: RFC 9325 section 4.5). */
export const MIN_RSA_BITS = 2048;
