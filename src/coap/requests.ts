import { Refusal } from "../errors/refusal.js";
import { MAX_BLOCK, readBlock, writeBlock, type Block } from "./block.js";
import { classOf, codeOfStatus, METHOD, RESPONSE } from "./codes.js";
import type { Limits } from "./limits.js";
import { decodeNumber, encodeNumber, type Message, type Option } from "./message.js";
import { OPTION, type Options } from "./options.js";
import type { Peer } from "./peer.js";
import type { CoapRequest, CoapResponse, Resources } from "./resource.js";
import type { Timers } from "./timers.js";
import { Transfers } from "./transfers.js";

/** The part of a response that does not depend on the message that carries it. */
export type Reply = Pick<Message, "code" | "options" | "payload">;

/** A request as the message layer hands it over. */
export interface Received {
  readonly peer: Peer;
  readonly message: Message;
  readonly options: Options;
  readonly hasLeft: () => boolean;
}

interface RequestsParts {
  readonly resources: Resources;
  readonly timers: Timers;
  readonly limits: Limits;
  /** Most bytes of a body. */
  readonly maxBody: number;
}

/** Why there is no room for a body, for operators. */
const NO_MEMORY = "the memory for bodies in blocks is full";

/** Requests and responses (RFC 7252 section 5), with their bodies in blocks (RFC 7959). */
export class Requests {
  readonly #resources: Resources;
  readonly #maxBody: number;
  /** Bodies of requests, as far as their blocks have arrived. */
  readonly #arriving: Transfers<Buffer>;
  /** Responses of which the first block was sent. */
  readonly #leaving: Transfers<CoapResponse>;

  constructor({ resources, timers, limits, maxBody }: RequestsParts) {
    this.#resources = resources;
    this.#maxBody = maxBody;
    this.#arriving = new Transfers(timers, limits);
    this.#leaving = new Transfers(timers, limits);
  }

  /** Answers a request. @returns undefined if the client wants no response of this class (RFC 7967) */
  async answer(received: Received): Promise<Reply | undefined> {
    const reply = await this.#reply(received);
    return isWanted(reply.code, received.options) ? reply : undefined;
  }

  /** The answer to a request that there is no room for. @param reason for operators */
  busy(received: Received, reason: string): Reply {
    return inOnePiece(this.#resources.busy(targetOf(received), reason));
  }

  /** An error of CoAP itself, with a diagnostic message (RFC 7252 section 5.5.2). */
  refuse(received: Received, refusal: Refusal): Reply {
    this.#resources.refused(targetOf(received), refusal);
    return { code: codeOfStatus(refusal.status), options: [], payload: Buffer.from(refusal.message) };
  }

  forget(peer: Peer): void {
    this.#arriving.forget(peer);
    this.#leaving.forget(peer);
  }

  async #reply(received: Received): Promise<Reply> {
    const { options } = received;
    if (options.first(OPTION.PROXY_URI) ?? options.first(OPTION.PROXY_SCHEME)) {
      return this.refuse(received, new Refusal("coap_no_proxy"));
    }
    const block1 = blockIn(options, OPTION.BLOCK1);
    const block2 = blockIn(options, OPTION.BLOCK2);
    if (block1 === "reserved" || block2 === "reserved") {
      return this.refuse(received, new Refusal("coap_block_size_reserved"));
    }
    // A later block of a response to anything but GET is of the response that was sent, because no request is repeated.
    if (block2 !== undefined && block2.number > 0 && received.message.code !== METHOD.GET) {
      return this.#nextBlock(received, block2);
    }
    const gathered = this.#gather(received, block1);
    if ("code" in gathered) return gathered;
    const response = await this.#resources.answer({ ...targetOf(received), ...gathered });
    const reply = this.#firstBlock(received, response, block2);
    return withOptions(reply, block1 && [OPTION.BLOCK1, writeBlock(block1)], this.#limitFor(gathered));
  }

  /** The body of a request, with its last block. Otherwise the answer to this block. */
  #gather(received: Received, block: Block | undefined): Pick<CoapRequest, "body"> | Reply {
    const { peer, message, options } = received;
    const name = nameOfBody(received);
    const announced = decodeNumber(options.first(OPTION.SIZE1) ?? Buffer.alloc(0));
    const { number, more, size } = block ?? { number: 0, more: false, size: Infinity };
    if (number === 0) this.#arriving.drop(peer, name);
    const before = number === 0 ? Buffer.alloc(0) : this.#arriving.find(peer, name);
    // Blocks arrive in order, because each is acknowledged before the next is sent (RFC 7959 section 2.5).
    if (before === undefined || (number > 0 && before.length !== number * size)) {
      return this.refuse(received, new Refusal("coap_blocks_missing"));
    }
    if (more ? message.payload.length !== size : message.payload.length > size) {
      return this.refuse(received, new Refusal("coap_block_size_wrong"));
    }
    const body = Buffer.concat([before, message.payload]);
    if (Math.max(body.length, announced) > this.#maxBody || !more) this.#arriving.drop(peer, name);
    if (Math.max(body.length, announced) > this.#maxBody) return { body: undefined };
    if (!more) return { body };
    if (!this.#arriving.keep(peer, name, body, body.length)) return this.busy(received, NO_MEMORY);
    return { code: RESPONSE.CONTINUE, options: [[OPTION.BLOCK1, writeBlock(block!)]], payload: Buffer.alloc(0) };
  }

  /** The largest body, for a client whose body is larger (RFC 7959 section 2.9.3). */
  #limitFor({ body }: Pick<CoapRequest, "body">): Option | undefined {
    return body === undefined ? [OPTION.SIZE1, encodeNumber(this.#maxBody)] : undefined;
  }

  /** A response whole if it fits, or its first block, or any block of a response to GET. */
  #firstBlock(received: Received, response: CoapResponse, wanted: Block | undefined): Reply {
    const length = response.body?.length ?? 0;
    // Errors are short, and a client may not continue after one.
    if (classOf(response.code) > 2 || (wanted === undefined && length <= MAX_BLOCK)) return inOnePiece(response);
    const { number, size } = wanted ?? { number: 0, size: MAX_BLOCK };
    if (number === 0 && length > size && received.message.code !== METHOD.GET) {
      const isKept = this.#leaving.keep(received.peer, nameOfResource(received), response, length);
      if (!isKept) return length <= MAX_BLOCK ? inOnePiece(response) : this.busy(received, NO_MEMORY);
    }
    return this.#blockOf(received, response, { number, size });
  }

  #nextBlock(received: Received, block: Block): Reply {
    const response = this.#leaving.find(received.peer, nameOfResource(received));
    if (response === undefined) return this.refuse(received, new Refusal("coap_response_forgotten"));
    return this.#blockOf(received, response, block);
  }

  #blockOf(received: Received, response: CoapResponse, { number, size }: Omit<Block, "more">): Reply {
    const length = response.body?.length ?? 0;
    if (number > 0 && number * size >= length) return this.refuse(received, new Refusal("coap_block_beyond"));
    return blockOf(response, number, size);
  }
}

function inOnePiece({ code, format, maxAge, body = Buffer.alloc(0) }: CoapResponse): Reply {
  const reply = { code, options: [], payload: body };
  return withOptions(
    reply,
    format === undefined ? undefined : [OPTION.CONTENT_FORMAT, encodeNumber(format)],
    maxAge === undefined ? undefined : [OPTION.MAX_AGE, encodeNumber(maxAge)],
  );
}

/** One block of a response. The first one has the length of the whole (RFC 7959 section 4). */
function blockOf(response: CoapResponse, number: number, size: number): Reply {
  const { body = Buffer.alloc(0) } = response;
  const start = number * size;
  const part = body.subarray(start, start + size);
  const block = { number, more: start + part.length < body.length, size };
  return withOptions(
    inOnePiece({ ...response, body: part }),
    [OPTION.BLOCK2, writeBlock(block)],
    number === 0 ? [OPTION.SIZE2, encodeNumber(body.length)] : undefined,
  );
}

function withOptions(reply: Reply, ...more: readonly (Option | undefined)[]): Reply {
  return { ...reply, options: [...reply.options, ...more.filter((one) => one !== undefined)] };
}

function targetOf({ peer, message, options, hasLeft }: Received): Omit<CoapRequest, "body"> {
  const path = options.texts(OPTION.URI_PATH).map((segment) => `/${encodeURIComponent(segment)}`);
  return {
    peer,
    method: message.code,
    path: path.join("") || "/",
    query: options.texts(OPTION.URI_QUERY),
    format: numberIn(options, OPTION.CONTENT_FORMAT),
    accept: numberIn(options, OPTION.ACCEPT),
    hasLeft,
  };
}

/** Names the resource of a request: each value with its length, so that no two lists have one name. */
function nameOfResource({ message, options }: Received): string {
  const values = [OPTION.URI_PATH, OPTION.URI_QUERY].map((number) =>
    options.all(number).map((one) => one.toString("hex")),
  );
  return JSON.stringify([message.code, values]);
}

/** Names a body that is sent to it. A client sends several at the same time under different tags (RFC 9175 section 3). */
function nameOfBody(received: Received): string {
  const tags = received.options.all(OPTION.REQUEST_TAG).map((one) => one.toString("hex"));
  return JSON.stringify([nameOfResource(received), tags]);
}

function numberIn(options: Options, number: number): number | undefined {
  const value = options.first(number);
  return value && decodeNumber(value);
}

function blockIn(options: Options, number: number): Block | "reserved" | undefined {
  const value = options.first(number);
  return value && (readBlock(value) ?? "reserved");
}

/** Whether No-Response leaves this class of response out. A block of a request is always answered. */
function isWanted(code: number, options: Options): boolean {
  const unwanted = numberIn(options, OPTION.NO_RESPONSE) ?? 0;
  return code === RESPONSE.CONTINUE || (unwanted & (1 << (classOf(code) - 1))) === 0;
}
