import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import type { Instance } from "./instance.js";
import type { Outcome } from "./ledger.js";

/** A cheap HTTP client: connections are kept, answers are read whole, and every end of a request is told apart. */

/** Milliseconds for which a patient client waits: longer than any answer may take, so that a hang is seen as one. */
export const PATIENCE = 15_000;

export interface Asked {
  readonly method?: "GET" | "POST";
  readonly path: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds after which the client leaves. */
  readonly patience?: number;
}

export interface Answer {
  readonly outcome: Outcome;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // What is read of an answer is what its kind of request is answered with.
  readonly json: any;
  /** The error word, or why there was no answer. */
  readonly word: string;
}

/** Asks an instance; it never throws. */
export function ask(instance: Instance, asked: Asked): Promise<Answer> {
  const { method = "POST", path, form, json, headers = {}, patience = PATIENCE } = asked;
  const body = form ? new URLSearchParams(form).toString() : json ? JSON.stringify(json) : undefined;
  const type = form ? "application/x-www-form-urlencoded" : "application/json";
  return new Promise((resolve) => {
    const leave = (outcome: Outcome, word: string) => {
      clearTimeout(timer);
      resolve({ outcome, status: 0, headers: {}, text: "", json: undefined, word });
    };
    const options = { agent: instance.agent, host: "127.0.0.1", port: instance.port, method, path };
    const sent =
      body === undefined ? headers : { "Content-Type": type, "Content-Length": Buffer.byteLength(body), ...headers };
    const request = httpRequest({ ...options, headers: sent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", (error: NodeJS.ErrnoException) => leave("cut", error.code ?? error.message));
      response.once("end", () => {
        clearTimeout(timer);
        resolve(read(path, response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString("utf8")));
      });
    });
    const timer = setTimeout(() => {
      leave("abandoned", `after ${patience} ms`);
      request.destroy();
    }, patience);
    request.once("error", (error: NodeJS.ErrnoException) => leave("cut", error.code ?? error.message));
    request.end(body);
  });
}

function read(path: string, status: number, headers: IncomingHttpHeaders, text: string): Answer {
  const json = parse(text);
  const outcome = outcomeOf(path, status, headers, json, text);
  return { outcome, status, headers, text, json, word: wordOf(json) };
}

function outcomeOf(path: string, status: number, headers: IncomingHttpHeaders, json: any, text: string): Outcome {
  // An error inside of a success, which no dialect has.
  if (status < 300 && json instanceof Object && ("error" in json || "errorCode" in json)) return "broken";
  if (status < 400) return "done";
  if (status < 500) return "refused";
  const isDocumented = status === 503 && /^[1-9]\d*$/.test(String(headers["retry-after"]));
  return isDocumented && isInShape(path, headers, json, text) ? "unavailable" : "broken";
}

/** Members of a refusal, by the paths of each dialect; pages are HTML. */
const SHAPES: readonly (readonly [path: RegExp, members: readonly string[]])[] = [
  [/^\/api\/(oauth2|apps\/[^/]+\/oauth2)/, ["errorCode", "error", "error_description"]],
  [/^\/api\/apps/, ["errorCode", "message"]],
  [/^\/api\/id/, ["error", "errorDescription"]],
  [/^\/(as|idp|device)\//, ["error", "error_uri", "error_description"]],
  [/^\/(token|introspect)/, ["error", "error_description", "error_uri"]],
  [/./, ["error", "error_description"]],
];

const PAGES = /^\/(oauth2\/(authorize|logout)|authorization|account|interaction)/;

function isInShape(path: string, headers: IncomingHttpHeaders, json: any, text: string): boolean {
  if (PAGES.test(path) && String(headers["content-type"]).startsWith("text/html")) return /<html/i.test(text);
  if (!(json instanceof Object)) return false;
  // Before there is a dialect, and after, the socket itself answers in the standard's shape.
  if (json.error_description === "the server is starting or stopping") return true;
  const [, members] = SHAPES.find(([pattern]) => pattern.test(path))!;
  return members.every((member) => member in json);
}

function wordOf(json: any): string {
  if (!(json instanceof Object)) return "";
  const word: unknown = json.errorCode ?? json.error ?? "";
  return typeof word === "string" ? word : JSON.stringify(word);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
