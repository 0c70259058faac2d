import { createHash, randomBytes } from "node:crypto";
import type { Instance, Reply } from "./instance.js";

/** A bare HTML client: it keeps cookies, follows nothing by itself, and fills forms by the names of their fields. */
export class Browser {
  readonly #server: Pick<Instance, "send" | "post">;
  readonly #cookies = new Map<string, string>();

  constructor(server: Pick<Instance, "send" | "post">) {
    this.#server = server;
  }

  get cookies(): ReadonlyMap<string, string> {
    return this.#cookies;
  }

  setCookie(name: string, value: string): void {
    this.#cookies.set(name, value);
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.#keep(await this.#server.send(path, { headers: { ...this.#cookieHeader(), ...headers } }));
  }

  async post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Reply> {
    return this.#keep(await this.#server.post(path, form, { ...this.#cookieHeader(), ...headers }));
  }

  /** Follows redirects within the server; stops at a page or at an address elsewhere. */
  async open(path: string): Promise<Reply> {
    let reply = await this.get(path);
    for (let hops = 0; hops < 10 && isLocal(reply); hops += 1) reply = await this.get(reply.headers.get("location")!);
    return reply;
  }

  /** Sends the form of a page as its button would, and follows where that leads. */
  async submit(page: Reply, id: string, fields: Record<string, string>): Promise<Reply> {
    const { action, values } = formOf(page, id);
    let reply = await this.post(action, { ...values, ...fields });
    for (let hops = 0; hops < 10 && isLocal(reply); hops += 1) reply = await this.get(reply.headers.get("location")!);
    return reply;
  }

  #cookieHeader(): Record<string, string> {
    const pairs = [...this.#cookies].map(([name, value]) => `${name}=${value}`);
    return pairs.length === 0 ? {} : { Cookie: pairs.join("; ") };
  }

  #keep(reply: Reply): Reply {
    for (const line of reply.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const [name = "", value = ""] = pair.split("=");
      if (line.includes("Max-Age=0")) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return reply;
  }
}

function isLocal({ status, headers }: Reply): boolean {
  return status === 303 && headers.get("location")!.startsWith("/");
}

/** A form of a page: where it is sent, and what it holds already. */
export function formOf({ text }: Reply, id: string): { action: string; values: Record<string, string> } {
  const form = new RegExp(`<form[^>]*id="${id}"[^>]*>([\\s\\S]*?)</form>`).exec(text);
  if (form === null) throw new Error(`there is no form ${id} in: ${text.slice(0, 2000)}`);
  const action = /action="([^"]*)"/.exec(form[0])?.[1] ?? "";
  const values = [...form[1]!.matchAll(/<input[^>]*>/g)]
    .map(([tag]) => ({ name: /name="([^"]*)"/.exec(tag)?.[1], value: /value="([^"]*)"/.exec(tag)?.[1] ?? "" }))
    .filter((input): input is { name: string; value: string } => input.name !== undefined);
  return {
    action: unescape(action),
    values: Object.fromEntries(values.map(({ name, value }) => [name, unescape(value)])),
  };
}

function unescape(text: string): string {
  const named: Readonly<Record<string, string>> = { quot: '"', lt: "<", gt: ">", amp: "&" };
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (named[name] ?? whole),
  );
}

/** What an address that a browser was sent to says in its query. */
export function answerOf(reply: Reply): Record<string, string> {
  return Object.fromEntries(new URL(reply.headers.get("location") ?? "").searchParams);
}

/** A PKCE pair (RFC 7636). */
export function pkce(): { verifier: string; challenge: { code_challenge: string; code_challenge_method: string } } {
  const verifier = randomBytes(32).toString("base64url");
  const code_challenge = createHash("sha256").update(verifier).digest("base64url");
  return { verifier, challenge: { code_challenge, code_challenge_method: "S256" } };
}

export function query(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new URLSearchParams(given).toString();
}
