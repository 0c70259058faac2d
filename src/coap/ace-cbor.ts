import { isUtf8 } from "node:buffer";
import { encode, Tokenizer, Type, type Token } from "cborg";
import { Refusal } from "../errors/refusal.js";
import { isPlainText } from "../store/plain-text.js";

/**
 * CBOR bodies of OAuth for constrained devices (RFC 9200 section 5.8). The keys of a map are names of parameters, or the
 * numbers that abbreviate them (sections 8.10 and 8.12). The tokenizer reads no nested value, so no body can nest deep.
 */

const NUMBERS: Readonly<Record<string, number>> = {
  access_token: 1,
  iss: 1,
  expires_in: 2,
  sub: 2,
  exp: 4,
  cnf: 8,
  scope: 9,
  active: 10,
  token: 11,
  client_id: 24,
  client_secret: 25,
  error: 30,
  error_description: 31,
  error_uri: 32,
  grant_type: 33,
  token_type: 34,
};

/** The parameters that a request may have. A number has another meaning in a response. */
const REQUEST_NAMES = new Map(
  ["scope", "token", "client_id", "client_secret", "grant_type"].map((name) => [NUMBERS[name]!, name]),
);

/** Grant types (section 8.5) and token types (section 8.7) by number. */
const GRANT_TYPES = ["password", "authorization_code", "client_credentials", "refresh_token"];
const BEARER = 1;

/** Most entries of a map, as of a form. */
const MAX_ENTRIES = 64;

const OPTIONS = { retainStringBytes: true } as const;

/** A decoded body. */
interface CborBody {
  /** Values that are no texts are left as they are, for the dialect to refuse. */
  readonly document: object;
  /** Whether one of its keys is a number. The answer has numbers too then. */
  readonly hasNumbers: boolean;
}

/**
 * Reads a map of texts. A byte string counts as the same text in UTF-8, because RFC 9200 has secrets and tokens so. A number
 * that stands for no parameter of this server is ignored.
 * @throws Refusal cbor_malformed, parameters_too_many, parameter_malformed
 */
export function readCbor(bytes: Uint8Array): CborBody {
  const read = tokensOf(bytes);
  const start = read();
  if (start.type !== Type.map) throw malformed("no map");
  const entries = new Map<string | number, unknown>();
  let hasNumbers = false;
  for (let left = start.value as number; left > 0; left -= 1) {
    const key = read();
    if (key.type === Type.break && left === Infinity) break;
    const name = nameOf(key);
    if (entries.has(name)) throw malformed("a repeated key");
    entries.set(name, valueOf(String(name), read()));
    hasNumbers ||= key.type === Type.uint;
    if (entries.size > MAX_ENTRIES) {
      throw new Refusal("parameters_too_many", { slots: { limit: String(MAX_ENTRIES) } });
    }
  }
  if (!read.isDone()) throw malformed("bytes after the map");
  const known = [...entries].filter(([name]) => typeof name === "string");
  return { document: Object.fromEntries(known), hasNumbers };
}

/**
 * Writes a response.
 * @param withNumbers whether keys are abbreviated. Their values have the types of RFC 9200 then.
 */
export function writeCbor(body: object, withNumbers: boolean): Buffer {
  // Absent members are left out, as in JSON.
  const plain = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
  if (!withNumbers) return Buffer.from(encode(plain));
  const entries = Object.entries(plain).map(
    ([name, value]) => [NUMBERS[name] ?? name, abbreviated(name, value)] as const,
  );
  return Buffer.from(encode(new Map<string | number, unknown>(entries)));
}

function abbreviated(name: string, value: unknown): unknown {
  if (name === "access_token") return Buffer.from(value as string);
  return name === "token_type" ? BEARER : value;
}

function tokensOf(bytes: Uint8Array): (() => Token) & { isDone(): boolean } {
  const tokenizer = new Tokenizer(bytes, OPTIONS);
  const next = () => {
    if (tokenizer.done()) throw malformed("the end is missing");
    try {
      return tokenizer.next();
    } catch {
      throw malformed("no CBOR");
    }
  };
  return Object.assign(next, { isDone: () => tokenizer.done() });
}

/** A name, or a number without one. */
function nameOf(key: Token): string | number {
  if (key.type === Type.uint) return REQUEST_NAMES.get(key.value as number) ?? (key.value as number);
  const name = key.type === Type.string ? textOf(key) : undefined;
  if (name === undefined) throw malformed("a key that is neither a text nor a number");
  return name;
}

function valueOf(name: string, token: Token): unknown {
  if (token.type === Type.string || token.type === Type.bytes) return textOf(token);
  if (token.type === Type.uint && name === "grant_type") return GRANT_TYPES[token.value as number];
  if (!token.type.terminal || token.type === Type.break) throw new Refusal("parameter_malformed", { slots: { name } });
  return token.value as unknown;
}

/** @throws Refusal cbor_malformed if the bytes are no text */
function textOf({ type, value, byteValue }: Token): string {
  const bytes = (type === Type.string ? (byteValue ?? Buffer.from(value as string)) : value) as Uint8Array;
  const text = isUtf8(bytes) ? Buffer.from(bytes).toString("utf8") : undefined;
  if (text === undefined || !isPlainText(text)) throw malformed("text that cannot be stored");
  return text;
}

function malformed(reason: string): Refusal {
  return new Refusal("cbor_malformed", { reason });
}
