import formbody from "@fastify/formbody";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { Cookies } from "../http/cookies.js";
import type { AuditFacts } from "../http/decision.js";
import { queryOf, refuseEncodedBody, refuseForeignForm } from "../http/edge.js";
import { MAX_FIELDS, parseForm, readForm, withoutRepetition, type Form, type Parameters } from "../http/form.js";
import { networkOf } from "../http/network.js";
import type { ServerState } from "../metrics/metrics.js";
import { chooseLanguage } from "../pages/language.js";
import type { Page } from "../pages/layout.js";
import { endGrant } from "../store/grants.js";
import { findAdministrator, type Administrator } from "./administrator.js";
import { consoleDocument, menuOf, type ConsoleFrame } from "./layout.js";
import { beginLogin, finishLogin, type LoginParts } from "./login.js";
import { explain, powerless, signedOut } from "./outcomes.js";
import type { ConsoleAnswer, ConsolePage, ConsoleView } from "./page.js";
import { PAGES } from "./pages.js";
import { SEARCH_PATH } from "./pages/search.js";
import { CALLBACK_PATH, type ConsolePlace } from "./place.js";
import { checkCsrf, csrfOf, isOffered, pathBelow, requestOf } from "./request.js";
import { Waiting } from "./waiting.js";

interface ConsoleParts extends Omit<LoginParts, "waiting" | "place"> {
  /** Where browsers reach it. Called for the first request, because a free port is known when the server listens. */
  readonly place: () => ConsolePlace;
  /** The state of all processes of this server. */
  readonly state: () => Promise<ServerState>;
}

const SIGN_OUT = "/sign-out";
const SIGNED_OUT = "/signed-out";

/** The console as a plugin, below `ADMIN_PATH`. */
export function consolePages(parts: ConsoleParts): FastifyPluginAsync {
  return async (app) => {
    await app.register(formbody, {
      parser: (text) => parseForm(text, MAX_FIELDS) as unknown as Record<string, unknown>,
    });
    let opened: Desk | undefined;
    const desk = () => (opened ??= new Desk({ ...parts, place: parts.place(), waiting: new Waiting(parts.core) }));
    app.setErrorHandler((error, request, reply) => desk().showError(error, request, reply));
    app.setNotFoundHandler((request, reply) => desk().showError(new Refusal("path_unknown"), request, reply));
    app.get(CALLBACK_PATH, (request, reply) => desk().arrive(request, reply));
    app.post(SIGN_OUT, (request, reply) => desk().signOut(request, reply));
    app.get(SIGNED_OUT, (request, reply) => desk().showSignedOut(request, reply));
    for (const page of PAGES) addPage(app, page, desk);
  };
}

function addPage(app: FastifyInstance, { path, show, act }: ConsolePage, desk: () => Desk): void {
  app.get(path, (request, reply) => desk().serve(show, queryOf(request, readForm), request, reply));
  if (act !== undefined) app.post(path, (request, reply) => desk().serve(act, bodyOf(request), request, reply));
}

function bodyOf({ body }: FastifyRequest): Form {
  if (isRefusal(body)) throw body;
  if (body === undefined || body === null) throw new Refusal("body_missing");
  return body as Form;
}

type DeskParts = LoginParts & Pick<ConsoleParts, "state">;

/** Everything between HTTP and the pages. */
class Desk {
  readonly #parts: DeskParts;
  readonly #cookies: Cookies;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#cookies = new Cookies(parts.place.url);
  }

  languageOf({ headers }: FastifyRequest) {
    return chooseLanguage(undefined, headers["accept-language"]);
  }

  /** Answers a request to a page, for an administrator. A person who is not logged in logs in first. */
  async serve(
    answer: ConsolePage["show"],
    form: Form,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    refuseEncodedBody(request);
    const { place } = this.#parts;
    const isPosted = request.method === "POST";
    if (isPosted) refuseForeignForm(request, place.url);
    const sent = withoutRepetition(form);
    const administrator = await this.#find(request);
    if (administrator === undefined) return this.#send(loginBefore(request, sent), undefined, request, reply);
    if (administrator.powers.size === 0) {
      const view = powerless(this.languageOf(request), { ...this.#parts, administrator });
      return this.#show(view, administrator, request, reply);
    }
    if (isPosted) checkCsrf(this.#parts.core, administrator, pathBelow(request), sent);
    const surroundings = { ...this.#parts, administrator, language: this.languageOf(request) };
    const found = await answer(requestOf(surroundings, sent, request, this.#browserOf(request)));
    // A token that was sent is not shown again.
    return this.#send(found, administrator, request, reply, isPosted ? undefined : sent.get("q"));
  }

  /** Ends a login, whose code comes in the query. */
  async arrive(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const facts: AuditFacts = (request.decision = { dialect: this.#parts.dialect.name, operation: "console" });
    const parameters = withoutRepetition(queryOf(request, readForm));
    const sent = { parameters, browser: this.#browserOf(request), network: networkOf(request.ip) };
    const { token, back } = await finishLogin(this.#parts, sent, facts, request.id);
    reply.header("Set-Cookie", this.#cookies.write("console", token));
    return this.#redirect(reply, this.#parts.place.base + back);
  }

  /** Ends the grant of the console, so that the cookie is worth nothing. The session at the server goes on. */
  async signOut(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { core, place } = this.#parts;
    refuseForeignForm(request, place.url);
    const administrator = await this.#find(request);
    if (administrator !== undefined) {
      checkCsrf(core, administrator, SIGN_OUT, withoutRepetition(bodyOf(request)));
      await endGrant(core.db, administrator.grant_id, null, core.clock.statement());
    }
    reply.header("Set-Cookie", this.#cookies.write("console", undefined));
    return this.#redirect(reply, place.base + SIGNED_OUT);
  }

  /** Shows why a request failed, with a way on. */
  async showError(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    // The database may be away, which is the error itself then.
    const administrator = await this.#find(request).catch(() => undefined);
    const view = explain(error, this.languageOf(request), { ...this.#parts, request });
    return this.#show(view, administrator, request, reply);
  }

  showSignedOut(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    return this.#show(signedOut(this.languageOf(request), this.#parts), undefined, request, reply);
  }

  #show(
    view: ConsoleView,
    administrator: Administrator | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
    searched?: string,
  ): FastifyReply {
    return sendPage(reply, consoleDocument(this.#frame(administrator, request, searched), view));
  }

  async #send(
    answer: ConsoleAnswer,
    administrator: Administrator | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
    searched?: string,
  ): Promise<FastifyReply> {
    if (answer.kind === "show") return this.#show(answer, administrator, request, reply, searched);
    if (answer.kind === "go") return this.#redirect(reply, this.#parts.place.base + answer.path);
    const { back, keep } = answer;
    const { waiting } = this.#parts;
    const browser = this.#browserOf(request) ?? waiting.newBrowser();
    const kept = keep === undefined ? undefined : await waiting.keep(browser, keep);
    const isFresh = administrator !== undefined;
    const target = kept === undefined ? back : `${back}?form=${kept}`;
    const departure = await beginLogin(this.#parts, { browser, back: target, isFresh });
    if (browser !== this.#browserOf(request)) reply.header("Set-Cookie", this.#cookies.write("browser", browser));
    return this.#redirect(reply, departure);
  }

  #frame(
    administrator: Administrator | undefined,
    request: FastifyRequest,
    searched: string | undefined,
  ): ConsoleFrame {
    const { core, place } = this.#parts;
    const person = administrator && {
      name: administrator.name,
      csrf: { search: csrfOf(core, administrator, SEARCH_PATH), signOut: csrfOf(core, administrator, SIGN_OUT) },
      menu: menuOf(PAGES, pathBelow(request), (name) => isOffered(administrator, name)),
    };
    return { language: this.languageOf(request), base: place.base, issuer: core.issuer, person, searched };
  }

  #find({ headers }: FastifyRequest): Promise<Administrator | undefined> {
    return findAdministrator(this.#parts.core, this.#cookies.read(headers.cookie, "console"));
  }

  #browserOf({ headers }: FastifyRequest): string | undefined {
    return this.#cookies.read(headers.cookie, "browser");
  }

  #redirect(reply: FastifyReply, address: string): FastifyReply {
    return reply.redirect(address, 303);
  }
}

function sendPage(reply: FastifyReply, { status, html, policy }: Page): FastifyReply {
  reply.code(status).header("Content-Security-Policy", policy).header("X-Frame-Options", "DENY");
  return reply.type("text/html; charset=utf-8").send(html);
}

/** A form that was sent by a person who is not logged in any more waits, and is shown again. */
function loginBefore(request: FastifyRequest, sent: Parameters): ConsoleAnswer {
  const path = pathBelow(request);
  if (request.method === "POST") return { kind: "log in", back: path, keep: Object.fromEntries(sent) };
  const query = new URLSearchParams([...sent]).toString();
  return { kind: "log in", back: query === "" ? path : `${path}?${query}` };
}
