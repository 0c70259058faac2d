import { once } from "node:events";
import { lookup as resolve } from "node:dns";
import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { published } from "../spans.js";
import { isPublicAddress } from "./addresses.js";

/** A call that brought no usable response. The reason is for the log: it quotes neither the URL nor the response. */
export class FetchFailed extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(`the call failed: ${reason}`);
    this.reason = reason;
  }
}

/** The limits of one call: bytes of the response body, and milliseconds from the name lookup to the last byte. */
export interface CallLimits {
  readonly bytes: number;
  readonly milliseconds: number;
}

interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Call {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly limits: CallLimits;
  /** Whether loopback and private addresses may be called. For them plain http is allowed too. */
  readonly allowPrivate: boolean;
  /** Ends the call. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Fetches a document from a URL of another party, which must not reach hosts that only this server can reach (SSRF).
 * @throws FetchFailed
 */
export function fetchPublic(
  url: string,
  limits: CallLimits,
  { allowPrivate, accept = "application/json" }: { readonly allowPrivate: boolean; readonly accept?: string },
): Promise<HttpResponse> {
  return call(url, {
    method: "GET",
    headers: { Accept: accept },
    limits,
    allowPrivate,
  });
}

/**
 * Sends one request on a connection of its own. It follows no redirect, decompresses nothing, and never sends plain http to a
 * public address.
 * @throws FetchFailed
 */
export async function call(url: string, request: Call): Promise<HttpResponse> {
  const destination = readTarget(url, request.allowPrivate);
  return published("call", destination.target.hostname, () => send(destination, request));
}

async function send(
  { target, secure, mayReach }: ReturnType<typeof readTarget>,
  { method, headers, body, limits, signal }: Call,
): Promise<HttpResponse> {
  if (signal?.aborted) throw stopped();

  const ending = new AbortController();
  const request = (secure ? requestHttps : requestHttp)(target, {
    agent: false,
    method,
    headers: body === undefined ? headers : { ...headers, "Content-Length": body.length },
    lookup: guardedLookup(mayReach),
    rejectUnauthorized: true,
    signal: ending.signal,
  });
  const deadline = setTimeout(
    () => ending.abort(new FetchFailed(`no whole answer within ${limits.milliseconds} ms`)),
    limits.milliseconds,
  );
  const stop = () => ending.abort(stopped());
  signal?.addEventListener("abort", stop);
  request.on("error", () => undefined); // after the response has begun, its reader gets the error
  // Node reports a 101 neither as a response nor as an error (RFC 9110 section 15.2.2).
  request.once("upgrade", (_response, socket) => {
    socket.destroy();
    ending.abort(new FetchFailed("answered with another protocol"));
  });
  try {
    request.end(body);
    const [response] = (await once(request, "response", { signal: ending.signal })) as [IncomingMessage];
    const { statusCode: status = 0 } = response;
    if (status >= 300 && status < 400) throw new FetchFailed("answered with a redirect");
    return { status, headers: response.headers, body: await readBody(response, limits.bytes) };
  } catch (error) {
    throw ending.signal.aborted ? ending.signal.reason : failureOf(error);
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener("abort", stop);
    request.destroy();
  }
}

/** Checks a URL as far as possible before its name is looked up. @throws FetchFailed */
export function readTarget(text: string, allowPrivate: boolean) {
  if (!URL.canParse(text)) throw new FetchFailed("not a URL");
  const target = new URL(text);
  if (!/^https?:$/.test(target.protocol)) throw new FetchFailed("the URL is not https");
  if (target.username || target.password) throw new FetchFailed("the URL holds credentials");
  const secure = target.protocol === "https:";
  const mayReach = (address: string) => (isPublicAddress(address) ? secure : allowPrivate);
  const literal = target.hostname.replace(/^\[|\]$/g, "");
  // Node connects to an address without a lookup. URL has already brought other forms of an address into the usual one.
  if (isIP(literal) !== 0 && !mayReach(literal)) throw forbidden();
  if (!secure && !allowPrivate) throw new FetchFailed("the URL is not https");
  return { target, secure, mayReach };
}

/**
 * Resolves a name and refuses it if any of its addresses may not be reached. The connection uses these very addresses, so a
 * second DNS answer cannot redirect it.
 */
function guardedLookup(mayReach: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, "");
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => mayReach(address))) return done(forbidden(), "");
      return options.all ? done(null, addresses) : done(null, first.address, first.family);
    });
  };
}

async function readBody(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new FetchFailed(`the answer is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Keeps the code of Node's error only (ENOTFOUND, CERT_HAS_EXPIRED, HPE_…), because the message quotes the response. */
function failureOf(error: unknown): FetchFailed {
  return error instanceof FetchFailed ? error : new FetchFailed(`no answer (${(error as NodeJS.ErrnoException).code})`);
}

function forbidden(): FetchFailed {
  return new FetchFailed("the host's address may not be reached this way");
}

function stopped(): FetchFailed {
  return new FetchFailed("stopped");
}
