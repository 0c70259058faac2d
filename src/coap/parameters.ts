/** Transmission parameters with their default values (RFC 7252 section 4.8), in milliseconds. */

/** Time until the first retransmission of a confirmable message, and the factor of its random part. */
export const ACK_TIMEOUT = 2_000;
export const ACK_RANDOM_FACTOR = 1.5;
export const MAX_RETRANSMIT = 4;

/** Time after which an answer is sent separately. It is well below the client's ACK_TIMEOUT. */
export const PROCESSING_DELAY = 1_000;

/** Time for which a Message ID of a confirmable message is not used again. */
export const EXCHANGE_LIFETIME = 247_000;

/** The same for a non-confirmable message. */
export const NON_LIFETIME = 145_000;
