import { OperatorError } from "../../errors/operator-error.js";
import { hidden } from "../../pages/form.js";
import { html, isolated, type Html } from "../../pages/html.js";
import { pathOfCommand } from "../commands.js";
import type { Page } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { resultMarkup } from "../result.js";
import { say } from "../texts.js";

export const SEARCH_PATH = "/search";

/** The page behind the search box: it finds people, clients, grants, sessions and decisions, and explains a token in hand. */
export const searchPage: ConsolePage = {
  path: SEARCH_PATH,
  async show(request) {
    const { sent, language } = request;
    const text = (sent.get("q") ?? "").trim();
    const found = text === "" ? [] : (await Promise.all(FINDERS.map((find) => find(request, text)))).flat();
    const [only] = found;
    if (only?.isExact === true && found.length === 1) return { kind: "go", path: only.path };
    return { kind: "show", title: say(language, "search.title"), body: results(request, text, found) };
  },
  /** The box sends a form, because a token must not be in an address. */
  async act(request) {
    const text = (request.sent.get("q") ?? "").trim();
    if (!isToken(text)) return { kind: "go", path: `${SEARCH_PATH}?${new URLSearchParams({ q: text })}` };
    return { kind: "show", title: say(request.language, "search.token"), body: await tokenMarkup(request, text) };
  },
};

/** Something that was found, with its page. */
interface Found {
  readonly path: string;
  readonly name: string;
  readonly kind: "person" | "client" | "grant" | "session" | "decision";
  /** Whether the text names it, and not only a part of it. */
  readonly isExact: boolean;
  readonly detail?: string | undefined;
}

type Finder = (request: ConsoleRequest, text: string) => Promise<readonly Found[]>;

/** The most people and clients that are listed. */
const MAX_FOUND = 20;

/** An id that this server makes (src/clock.ts), and one of a decision. */
const ID = /^[A-Za-z0-9_-]{22}$/;
const DECISION = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A token of this server, or a JWT. */
function isToken(text: string): boolean {
  return /^(?:j[a-z]{1,3}_[\w.-]{20,}|[\w-]{10,}\.[\w-]{10,}\.[\w-]*)$/.test(text);
}

const FINDERS: readonly Finder[] = [
  findPeople,
  findClients,
  byId("grant", ID, "grant show", "grant_id", (id) => `/commands/grant.show?${new URLSearchParams({ grant_id: id })}`),
  byId("session", ID, "session show", "sid", (id) => `/commands/session.show?${new URLSearchParams({ sid: id })}`),
  byId("decision", DECISION, "decision show", "id", (id) => `/decisions/${id}`),
];

interface User {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email?: string;
}

async function findPeople({ run, offers }: ConsoleRequest, text: string): Promise<readonly Found[]> {
  if (!offers("user list")) return [];
  const find = async (filter: Readonly<Record<string, string>>, isExact: boolean) => {
    const { items } = (await run("user list", { ...filter, limit: MAX_FOUND })) as Page<User>;
    return items.map(({ sub, preferred_username: name, email: detail }): Found => {
      return { kind: "person", path: `/people/${encodeURIComponent(sub)}`, name, detail, isExact };
    });
  };
  const named = await find({ identifier: text }, true);
  return named.length > 0 ? named : find({ login_prefix: text }, false);
}

async function findClients({ run, offers }: ConsoleRequest, text: string): Promise<readonly Found[]> {
  if (!offers("client list")) return [];
  const { items } = (await run("client list", { search: text, limit: MAX_FOUND })) as Page<{
    readonly client_id: string;
    readonly client_name?: string;
  }>;
  return items.map(({ client_id: name, client_name: detail }): Found => {
    const path = `/clients/${encodeURIComponent(name)}`;
    return { kind: "client", path, name, detail, isExact: name === text };
  });
}

/** Finds what a command shows by its id. */
function byId(
  kind: Found["kind"],
  pattern: RegExp,
  command: string,
  member: string,
  pathOf: (id: string) => string,
): Finder {
  return async ({ run, offers }, text) => {
    if (!pattern.test(text) || !offers(command)) return [];
    const shown = await run(command, { [member]: text }).catch((error: unknown) => {
      if (error instanceof OperatorError) return undefined;
      throw error;
    });
    return shown === undefined ? [] : [{ kind, path: pathOf(text), name: text, isExact: true }];
  };
}

function results({ language, base }: ConsoleRequest, text: string, found: readonly Found[]): Html {
  if (text === "") return html`<p>${say(language, "search.help")}</p>`;
  const intro = html`<p>${say(language, "search.for", { text: isolated(text, { maxLength: 200 }) })}</p>`;
  if (found.length === 0)
    return html`${intro}<p id="nothing">${say(language, "search.nothing")}</p><p>${say(language, "search.help")}</p>`;
  const items = found.map(
    ({ path, name, kind, detail }) =>
      html`<li><a href="${base}${path}">${isolated(name, { maxLength: 255 })}</a> <span class="tag">${say(language, `search.kind.${kind}`)}</span>${detail === undefined ? undefined : html` <span class="quiet">${isolated(detail, { maxLength: 255 })}</span>`}</li>`,
  );
  return html`${intro}<ul class="found" id="found">${items}</ul>`;
}

/** A form that ends the token. It carries the token, so that no address has it. */
function endForm({ language, base, csrf, offers }: ConsoleRequest, token: string): Html | undefined {
  if (!offers("revoke")) return undefined;
  const path = pathOfCommand({ name: "revoke" });
  return html`<form id="end-token" method="post" action="${base}${path}">${hidden("csrf", csrf(path), "csrf")}${hidden("token", token, "token")}
<div class="actions"><button class="button small danger" type="submit" id="revoke">${say(language, "search.revoke")}</button></div></form>`;
}

/** What a token in hand is. The token itself is not shown again. */
async function tokenMarkup(request: ConsoleRequest, token: string): Promise<Html> {
  const { language, base, run, offers } = request;
  if (!offers("token show")) return html`<p>${say(language, "search.nothing")}</p>`;
  try {
    return html`${resultMarkup({ language, base }, await run("token show", { token }))}${endForm(request, token)}`;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return html`<p class="alert" id="problem" lang="en">${isolated(error.message, { maxLength: 1_000 })}</p><p>${say(language, "search.help")}</p>`;
  }
}
