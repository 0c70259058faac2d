import formbody from "@fastify/formbody";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { KNOWN_BROWSER_LIFETIME } from "../accounts/known-browser.js";
import type { BrowserRoute, FixedRoute, StepRoute } from "../browser/routes.js";
import { browserParts, type BrowserParts, type Step } from "../browser/step.js";
import type { BrowserAnswer, Visit } from "../browser/view.js";
import { withAnswer, withFragment } from "../clients/redirect-uri.js";
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
import { basePathOf, render } from "./render.js";

/**
 * Serves the routes that a person's browser uses. It is an encapsulated plugin like a dialect, with its own body parser
 * and an error handler that shows a page. The steps of src/browser decide. Here their answers become HTML, cookies and
 * redirects.
 */
export function browserPages(routes: readonly BrowserRoute[]): FastifyPluginAsync {
  return async (app) => {
    const parts = browserParts(app.core);
    const cookies = new Cookies(app.core.issuer);
    await app.register(formbody, { parser: (text) => parseForm(text) as unknown as Record<string, unknown> });
    app.setErrorHandler((error, request, reply) => showRefusal(error, request, reply));
    for (const route of routes) {
      if ("steps" in route) addSteps(app, route, parts, cookies);
      else addFixed(app, route);
    }
  };
}

function addFixed(app: FastifyInstance, { path, answer, onlyForPeople }: FixedRoute): void {
  app.get(path, async (request, reply) => {
    if (onlyForPeople === true && !isForPerson(request)) return reply.callNotFound();
    return send(answer, request, reply);
  });
}

function addSteps(app: FastifyInstance, route: StepRoute, parts: BrowserParts, cookies: Cookies): void {
  const { path, steps, operation, dialect, takesForeignForms = false } = route;
  for (const [method, step] of Object.entries(steps) as ["GET" | "POST", Step][]) {
    app.route({
      method,
      url: path,
      handler: async (request, reply) => {
        const facts: AuditFacts = { dialect, operation };
        request.decision = facts;
        refuseEncodedBody(request);
        const posted = method === "POST";
        const form = posted ? bodyOf(request) : queryOf(request, readForm);
        if (posted && !takesForeignForms) refuseForeignForm(request, parts.core.issuer);
        const visit = visitOf(request, cookies);
        const answer = await step(parts, { form, posted, path: pathParameters(request), visit, facts });
        setCookies(reply, cookies, answer);
        return send(answer, request, reply);
      },
    });
  }
}

function visitOf({ headers, ip }: FastifyRequest, cookies: Cookies): Visit {
  return {
    session: cookies.read(headers.cookie, "session"),
    browser: cookies.read(headers.cookie, "browser"),
    known: cookies.read(headers.cookie, "known"),
    network: networkOf(ip),
  };
}

function bodyOf({ body }: FastifyRequest): Form {
  if (isRefusal(body)) throw body;
  if (body === undefined || body === null) throw new Refusal("body_missing");
  return body as Form;
}

function pathParameters({ params }: FastifyRequest): Readonly<Record<string, string>> {
  return params as Record<string, string>;
}

function setCookies(reply: FastifyReply, cookies: Cookies, { cookies: set }: BrowserAnswer): void {
  const { session, browser, known } = set ?? {};
  const headers = [
    ...(session === undefined ? [] : [cookies.write("session", session ?? undefined)]),
    ...(browser === undefined ? [] : [cookies.write("browser", browser)]),
    ...(known === undefined ? [] : [cookies.write("known", known, KNOWN_BROWSER_LIFETIME)]),
  ];
  if (headers.length > 0) reply.header("Set-Cookie", headers);
}

function send(answer: BrowserAnswer, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { issuer } = request.server.core;
  const acceptLanguage = request.headers["accept-language"];
  switch (answer.kind) {
    case "show":
      return sendPage(reply, render(answer.view, issuer, acceptLanguage));
    case "icon":
      return sendIcon(reply);
    case "go":
      return redirect(reply, basePathOf(issuer) + answer.path);
    case "leave":
      return redirect(reply, answer.uri);
    case "answer": {
      const { redirect_uri, response_mode, leads_to } = answer.to;
      if (response_mode === "query") return redirect(reply, withAnswer(redirect_uri, answer.parameters));
      if (response_mode === "fragment") return redirect(reply, withFragment(redirect_uri, answer.parameters));
      const language = chooseLanguage(undefined, acceptLanguage);
      return sendPage(
        reply,
        formPostPage({ language, action: withAnswer(redirect_uri, {}), fields: answer.parameters, leadsTo: leads_to }),
      );
    }
  }
}

function sendIcon(reply: FastifyReply): FastifyReply {
  reply.header("Cache-Control", "public, max-age=86400").removeHeader("Pragma");
  return reply.type("image/svg+xml").send(ICON);
}

/** The status is 303, so that no browser repeats a POST at the target (RFC 9700 section 4.12). */
function redirect(reply: FastifyReply, uri: string): FastifyReply {
  // A registered URI may contain characters that a header cannot.
  return reply.redirect(uri.replace(/[^\x21-\x7e]+/g, encodeURIComponent), 303);
}

function sendPage(reply: FastifyReply, { status, html, policy }: Page): FastifyReply {
  reply.code(status).header("Content-Security-Policy", policy).header("X-Frame-Options", "DENY");
  return reply.type("text/html; charset=utf-8").send(html);
}

/** The explanations of refusals about a form: it is too old, was answered before, or belongs to another browser. */
const ABOUT: Readonly<Partial<Record<Code, "stale" | "answered" | "declined">>> = {
  interaction_unknown: "stale",
  interaction_foreign: "stale",
  form_foreign: "stale",
  request_uri_unknown: "stale",
  request_uri_answered: "answered",
  interaction_answered: "answered",
  interaction_declined: "declined",
};

/** Shows a refusal on an error page. The browser is not sent to the client (RFC 6749 section 4.1.2.1). */
function showRefusal(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = asRefusal(error);
  (request.decision ??= {}).refusal = refusal;
  logUnexpected(error, refusal, request.log);
  if (refusal.retryAfter !== undefined) reply.header("Retry-After", String(refusal.retryAfter));
  const language = chooseLanguage(undefined, request.headers["accept-language"]);
  const { message, row, retryAfter, app } = refusal;
  // A 401 must come with a challenge (RFC 9110 section 15.5.2), and a page has none.
  const status = refusal.status === 401 ? 400 : refusal.status;
  const link = refusal.again ?? (retryAfter === undefined ? undefined : sameAddress(request));
  const again = link?.startsWith("/") ? basePathOf(request.server.core.issuer) + link : link;
  const about = ABOUT[row.code];
  return sendPage(
    reply,
    errorPage({ language, status, message, about, decisionId: request.id, again, retryAfter, app }),
  );
}

/** The address for another attempt: the same request, or the page that sent the form. */
function sameAddress({ method, url }: FastifyRequest): string {
  return method === "GET" ? url : pathOf(url);
}

/** Whether the client asks for HTML in `Accept`, as browsers do. Any other client gets the answer of its dialect. */
function isForPerson({ method, headers }: FastifyRequest): boolean {
  return method === "GET" && /\btext\/html\b/.test(headers.accept ?? "");
}

/** Answers a person with an error page; undefined if the client is no browser. */
export function answerPerson(refusal: Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  return isForPerson(request) ? showRefusal(refusal, request, reply) : undefined;
}
