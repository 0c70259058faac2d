import { readCbor, writeCbor } from "../coap/ace-cbor.js";
import { FORMAT } from "../coap/codes.js";
import type { CoapRequest } from "../coap/resource.js";
import { Refusal } from "../errors/refusal.js";
import { readForm, withoutRepetition } from "../http/form.js";
import { readJson } from "../http/json.js";
import type { Sent } from "./call.js";

/** The bodies of requests and answers over CoAP: forms, JSON and CBOR. */

/** The format of an answer. */
export interface AnswerFormat {
  /** A Content-Format. */
  readonly format: number;
  /** Whether the keys of CBOR are numbers. */
  readonly hasNumbers: boolean;
}

const CBOR_FORMATS: readonly number[] = [FORMAT.CBOR, FORMAT.ACE_CBOR];
const ANSWERS: readonly number[] = [FORMAT.JSON, ...CBOR_FORMATS];

/** The formats of bodies and answers, as a resource announces them. */
export const ANNOUNCED = ANSWERS.map(String);

/** First byte of a map (RFC 8949 section 3.1). No text in ASCII begins with it. */
const isMap = (byte = 0) => byte >> 5 === 5;

/**
 * Reads the body of a request.
 * @throws Refusal body_too_large, body_missing, media_type_unsupported, and what is wrong with the body
 */
export function readBody({ format, body }: CoapRequest): Sent & { readonly hasNumbers: boolean } {
  if (body === undefined) throw new Refusal("body_too_large");
  if (body.length === 0) throw new Refusal("body_missing");
  switch (kindOf(format, body)) {
    case "cbor":
      return readCborBody(body);
    case "json":
      return { document: () => readJson(body.toString("utf8")), hasNumbers: false };
    case "form":
      return { parameters: readFormBody(body), hasNumbers: false };
  }
}

/** @throws Refusal accept_unsupported */
export function refuseOtherFormats({ accept }: CoapRequest): void {
  if (accept !== undefined && !ANSWERS.includes(accept)) throw new Refusal("accept_unsupported");
}

/**
 * The format of the answer: the one that Accept names, or that of the request.
 * @param hasNumbers whether the body of the request has numbers as keys; undefined if it was not read
 */
export function answerFormat({ format, accept, body }: CoapRequest, hasNumbers?: boolean): AnswerFormat {
  const isCbor = format === undefined ? isMap(body?.[0]) : CBOR_FORMATS.includes(format);
  const own = isCbor ? (format ?? FORMAT.CBOR) : FORMAT.JSON;
  const chosen = accept !== undefined && ANSWERS.includes(accept) ? accept : own;
  // A client that did not show its keys gets the numbers of RFC 9200 if it asks for the format of RFC 9200.
  return { format: chosen, hasNumbers: (isCbor ? hasNumbers : undefined) ?? chosen === FORMAT.ACE_CBOR };
}

export function writeBody(body: object, { format, hasNumbers }: AnswerFormat): Buffer {
  return CBOR_FORMATS.includes(format) ? writeCbor(body, hasNumbers) : Buffer.from(JSON.stringify(body));
}

/** The Content-Format of forms has no number, so without a format, or with that of plain text, the body decides. */
function kindOf(format: number | undefined, body: Buffer): "cbor" | "json" | "form" {
  if (format === FORMAT.JSON) return "json";
  if (format !== undefined && CBOR_FORMATS.includes(format)) return "cbor";
  if (format !== undefined && format !== FORMAT.TEXT) throw new Refusal("media_type_unsupported");
  if (isMap(body[0])) return "cbor";
  return /^\s*[[{]/.test(body.toString("latin1")) ? "json" : "form";
}

function readCborBody(body: Buffer) {
  const { document, hasNumbers } = readCbor(body);
  return { document: () => document, hasNumbers };
}

function readFormBody(body: Buffer) {
  const form = readForm(body.toString("utf8"));
  if (form === undefined) throw new Refusal("body_missing");
  return withoutRepetition(form);
}
