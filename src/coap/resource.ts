import type { Refusal } from "../errors/refusal.js";
import type { Peer } from "./peer.js";

/** A request whose options were checked, with its whole body. */
export interface CoapRequest {
  readonly peer: Peer;
  /** The code of the method. */
  readonly method: number;
  /** The segments of Uri-Path, each percent-encoded, after a slash each. */
  readonly path: string;
  /** The values of Uri-Query. */
  readonly query: readonly string[];
  /** The Content-Format of the body. */
  readonly format: number | undefined;
  /** The Content-Format that the client wants. */
  readonly accept: number | undefined;
  /** Undefined if it is larger than the limit. It was not kept then. */
  readonly body: Buffer | undefined;
  /** Whether the session has ended. */
  readonly hasLeft: () => boolean;
}

export interface CoapResponse {
  readonly code: number;
  /** The Content-Format of the body. Without it the body is a diagnostic message in UTF-8 (RFC 7252 section 5.5.2). */
  readonly format?: number | undefined;
  /** Seconds after which another attempt makes sense. */
  readonly maxAge?: number | undefined;
  readonly body?: Buffer | undefined;
}

/** What is served over CoAP. */
export interface Resources {
  /** Whether another request can be answered now. Asked once for each request. */
  hasRoom(): boolean;
  /** Answers a request. It never rejects. */
  answer(request: CoapRequest): Promise<CoapResponse>;
  /** The answer to a request that the server has no room for. @param reason for operators */
  busy(request: Omit<CoapRequest, "body">, reason: string): CoapResponse;
  /** Called for each request that CoAP itself refuses, before it is complete. */
  refused(request: Omit<CoapRequest, "body">, refusal: Refusal): void;
}
