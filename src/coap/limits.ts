/** The memory that a CoAP endpoint may take (docs/decisions/0020-coap.md). */
export interface Limits {
  /** Most requests of one session that are remembered. A plain peer may be a proxy of many devices, so it has no such limit. */
  readonly requestsOfSession: number;
  /** Most requests of all peers that are remembered. */
  readonly requests: number;
  /** Most bytes of the answers to them. */
  readonly answerBytes: number;
  /** Most bodies of one peer that are in parts. The oldest gives way to a new one. */
  readonly bodiesOfPeer: number;
  /** Most bytes of all bodies that are in parts: of requests, and as much again of responses. */
  readonly bodyBytes: number;
}

const MEGABYTE = 1024 * 1024;

export const LIMITS: Limits = {
  requestsOfSession: 4_096,
  requests: 65_536,
  answerBytes: 32 * MEGABYTE,
  bodiesOfPeer: 16,
  bodyBytes: 8 * MEGABYTE,
};
