import formbody from "@fastify/formbody";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { browserSessions } from "../accounts/browser-session.js";
import { KNOWN_BROWSER_LIFETIME } from "../accounts/known-browser.js";
import { withAnswer } from "../clients/redirect-uri.js";
import { changeAccount, showAccount } from "../browser/account.js";
import { Authorization } from "../browser/authorize/authorization.js";
import {
  ACCOUNT_PATH,
  CLAIMS_PATH,
  HOME_PATH,
  ICON_PATH,
  INTERACTION_PATH,
  LOGOUT_PATH,
  MEANT,
  SHARING_PATH,
} from "../browser/paths.js";
import type { BrowserAnswer, Visit } from "../browser/view.js";
import { logOut } from "../browser/logout.js";
import { changeSharing, showSharing } from "../browser/sharing.js";
import { gatherClaims } from "../browser/gather-claims.js";
import type { Code } from "../errors/catalogue.js";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { Cookies } from "../http/cookies.js";
import type { AuditFacts } from "../http/decision.js";
import { queryOf, refuseEncodedBody, refuseForeignForm } from "../http/edge.js";
import { asRefusal, logUnexpected } from "../http/failure.js";
import { parseForm, readForm, type Form } from "../http/form.js";
import { networkOf } from "../http/network.js";
import { pathOf } from "../http/target.js";
import { errorPage } from "./error.js";
import { formPostPage } from "./form-post.js";
import { ICON } from "./icon.js";
import { chooseLanguage } from "./language.js";
import type { Page } from "./layout.js";
import { render } from "./render.js";

// Paths begin with the issuer's own, where a proxy serves it below one: browsers see what it shows them.

/** Where a dialect has people sent. */
export interface BrowserPaths {
  readonly dialect: string;
  readonly authorize: string | undefined;
}

/** A step of a browser: what it brought, and what is on record of it. */
type Step = (form: Form, visit: Visit, facts: AuditFacts, request: FastifyRequest) => Promise<BrowserAnswer>;

/**
 * Everything a person's browser meets. An encapsulated plugin like a dialect: its own body parser, its own error handler,
 * which answers with a page. What is decided comes from the endpoints as data; here it becomes HTML, cookies and redirects.
 */
export function browserPages(paths: readonly BrowserPaths[]): FastifyPluginAsync {
  return async (app) => {
    const { core } = app;
    const cookies = new Cookies(core.issuer);
    const base = basePath(core.issuer);
    const sessions = browserSessions(core);
    const authorization = new Authorization(core, sessions);
    const account = { core, sessions, authorization };

    await app.register(formbody, { parser: (text) => parseForm(text) as unknown as Record<string, unknown> });
    app.setErrorHandler((error, request, reply) => showRefusal(error, base, request, reply));

    const visitOf = ({ headers, ip }: FastifyRequest): Visit => ({
      session: cookies.read(headers.cookie, "session"),
      browser: cookies.read(headers.cookie, "browser"),
      known: cookies.read(headers.cookie, "known"),
      network: networkOf(ip),
    });
    const route = (method: "GET" | "POST", url: string, about: { operation: string; dialect?: string }, step: Step) =>
      app.route({
        method,
        url,
        handler: async (request, reply) => {
          const facts: AuditFacts = { ...about };
          request.decision = facts;
          refuseEncodedBody(request);
          const form = method === "GET" ? queryOf(request, readForm) : bodyOf(request);
          const answer = await step(form, visitOf(request), facts, request);
          setCookies(reply, cookies, answer);
          return send(answer, base, request, reply);
        },
      });

    app.get(ICON_PATH, async (_request, reply) => {
      reply.header("Cache-Control", "public, max-age=86400").removeHeader("Pragma");
      return reply.type("image/svg+xml").send(ICON);
    });
    app.get(HOME_PATH, async (request, reply) => {
      if (!isForPerson(request)) return reply.callNotFound();
      const view = { page: "home", host: new URL(core.issuer).host } as const;
      return sendPage(reply, render(view, base, request.headers["accept-language"]));
    });
    for (const [path, meant] of Object.entries(MEANT))
      app.get(path, async (_request, reply) => redirect(reply, base + meant));

    for (const { dialect, authorize } of paths) {
      if (authorize === undefined) continue;
      for (const method of ["GET", "POST"] as const) {
        route(method, authorize, { operation: "authorize", dialect }, (form, visit, facts) =>
          authorization.start(form, visit, { dialect, path: authorize, posted: method === "POST", facts }),
        );
      }
    }
    route("GET", `${INTERACTION_PATH}/:id`, { operation: "interaction" }, (_form, visit, facts, request) =>
      authorization.resume(idOf(request), visit, facts),
    );
    route("POST", `${INTERACTION_PATH}/:id`, { operation: "interaction" }, (form, visit, facts, request) => {
      refuseForeignForm(request, core.issuer);
      return authorization.act(idOf(request), form, visit, facts);
    });
    route("GET", ACCOUNT_PATH, { operation: "account" }, (_form, visit, facts) => showAccount(account, visit, facts));
    route("POST", ACCOUNT_PATH, { operation: "account" }, (form, visit, facts, request) => {
      refuseForeignForm(request, core.issuer);
      return changeAccount(account, form, visit, facts);
    });
    route("GET", SHARING_PATH, { operation: "sharing" }, (form, visit, facts) =>
      showSharing(account, form, visit, facts),
    );
    route("POST", SHARING_PATH, { operation: "sharing" }, (form, visit, facts, request) => {
      refuseForeignForm(request, core.issuer);
      return changeSharing(account, form, visit, facts);
    });
    route("GET", CLAIMS_PATH, { operation: "claims" }, (form, visit, facts) =>
      gatherClaims(account, form, visit, facts),
    );
    for (const method of ["GET", "POST"] as const) {
      route(method, LOGOUT_PATH, { operation: "logout" }, (form, visit, facts) =>
        logOut({ core, sessions }, form, visit, { posted: method === "POST", facts }),
      );
    }
  };
}

function bodyOf({ body }: FastifyRequest): Form {
  if (isRefusal(body)) throw body;
  if (body === undefined || body === null) throw new Refusal("body_missing");
  return body as Form;
}

function idOf({ params }: FastifyRequest): string {
  return (params as { id: string }).id;
}

function setCookies(reply: FastifyReply, cookies: Cookies, { cookies: set = {} }: BrowserAnswer): void {
  const { session, browser, known } = set;
  const headers = [
    ...(session === undefined ? [] : [cookies.write("session", session ?? undefined)]),
    ...(browser === undefined ? [] : [cookies.write("browser", browser)]),
    ...(known === undefined ? [] : [cookies.write("known", known, KNOWN_BROWSER_LIFETIME)]),
  ];
  if (headers.length > 0) reply.header("Set-Cookie", headers);
}

function send(answer: BrowserAnswer, base: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const acceptLanguage = request.headers["accept-language"];
  switch (answer.kind) {
    case "show":
      return sendPage(reply, render(answer.view, base, acceptLanguage));
    case "go":
      return redirect(reply, base + answer.path);
    case "leave":
      return redirect(reply, answer.uri);
    case "answer": {
      const { redirect_uri, response_mode, leads_to } = answer.to;
      if (response_mode === "query") return redirect(reply, withAnswer(redirect_uri, answer.parameters));
      const language = chooseLanguage(undefined, acceptLanguage);
      return sendPage(
        reply,
        formPostPage({ language, action: withAnswer(redirect_uri, {}), fields: answer.parameters, leadsTo: leads_to }),
      );
    }
  }
}

/** 303: whatever was posted to us is not posted on (RFC 9700 section 4.12). */
function redirect(reply: FastifyReply, uri: string): FastifyReply {
  // A registered URI may hold characters that a header cannot.
  return reply.redirect(uri.replace(/[^\x21-\x7e]+/g, encodeURIComponent), 303);
}

function sendPage(reply: FastifyReply, { status, html, policy }: Page): FastifyReply {
  reply.code(status).header("Content-Security-Policy", policy).header("X-Frame-Options", "DENY");
  return reply.type("text/html; charset=utf-8").send(html);
}

/** Refusals of a form that is too old, was answered before, or is not of this browser. */
const ABOUT: Readonly<Partial<Record<Code, "stale" | "answered" | "declined">>> = {
  interaction_unknown: "stale",
  interaction_foreign: "stale",
  form_foreign: "stale",
  interaction_answered: "answered",
  interaction_declined: "declined",
};

/** What was refused, on a page that says so; nobody is sent anywhere (RFC 6749 section 4.1.2.1). */
function showRefusal(error: unknown, base: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = asRefusal(error);
  (request.decision ??= {}).refusal = refusal;
  logUnexpected(error, refusal, request.log);
  if (refusal.retryAfter !== undefined) reply.header("Retry-After", String(refusal.retryAfter));
  const language = chooseLanguage(undefined, request.headers["accept-language"]);
  const { message, row, retryAfter, app } = refusal;
  // A page has no challenge to offer, as a 401 would have to (RFC 9110 section 15.5.2).
  const status = refusal.status === 401 ? 400 : refusal.status;
  const link = refusal.again ?? (retryAfter === undefined ? undefined : askedAgain(request));
  const again = link?.startsWith("/") ? base + link : link;
  const about = ABOUT[row.code];
  return sendPage(
    reply,
    errorPage({ language, status, message, about, decisionId: request.id, again, retryAfter, app }),
  );
}

/** Where somebody who waited may go on: at the page that sent the form, or with the same request. */
function askedAgain({ method, url }: FastifyRequest): string {
  return method === "GET" ? url : pathOf(url);
}

/** Whether a browser asks for a page, as it says in `Accept`; a program that asks for anything gets its dialect's answer. */
function isForPerson({ method, headers }: FastifyRequest): boolean {
  return method === "GET" && /\btext\/html\b/.test(headers.accept ?? "");
}

/** Answers a person with a page that says what was refused; undefined where a program asks. */
export function answerPerson(refusal: Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  return isForPerson(request) ? showRefusal(refusal, basePath(request.server.core.issuer), request, reply) : undefined;
}

function basePath(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, "");
}
