import type { FastifyRequest } from "fastify";
import { OperatorError, type OperatorErrorKind } from "../errors/operator-error.js";
import { LOGOUT_PATH } from "../browser/paths.js";
import type { Core } from "../core.js";
import { asRefusal, logUnexpected } from "../http/failure.js";
import { hidden } from "../pages/form.js";
import { html, isolated, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";
import type { Administrator } from "./administrator.js";
import type { ConsoleView } from "./page.js";
import type { ConsolePlace } from "./place.js";
import { csrfOf } from "./request.js";
import { say, type ConsoleText } from "./texts.js";

/** Pages about what did not work. Each has a way on. */

interface Surroundings {
  readonly core: Core;
  readonly place: ConsolePlace;
}

type Explanation = "forbidden" | "missing" | "stale" | "busy" | "request" | "internal";

const BY_KIND: Readonly<Record<OperatorErrorKind, readonly [Explanation, number]>> = {
  refused: ["request", 409],
  invalid: ["request", 400],
  forbidden: ["forbidden", 403],
  not_found: ["missing", 404],
  conflict: ["request", 409],
  changed: ["request", 412],
};

/** The status of a refusal of a command. */
export function statusOf({ kind }: OperatorError): number {
  return BY_KIND[kind][1];
}

/** The page about an error. */
export function explain(
  error: unknown,
  language: Language,
  { place, request }: Surroundings & { readonly request: FastifyRequest },
): ConsoleView {
  const start = html`<a class="button" id="start" href="${place.base}/">${say(language, "error.start")}</a>`;
  if (error instanceof OperatorError) {
    const [explanation, status] = BY_KIND[error.kind];
    return problem(language, { explanation, status, detail: error.message, reference: request.id, links: [start] });
  }
  const refusal = asRefusal(error);
  logUnexpected(error, refusal, request.log);
  const { row, status, message } = refusal;
  if (row.code === "interaction_unknown") return loginFailed(language, "unknown", place, 400);
  if (row.code === "access_denied") return loginFailed(language, "refused", place, 403);
  const again = html`<a class="button primary" id="again" href="${request.method === "GET" ? request.url : `${place.base}/`}">${say(language, "error.again")}</a>`;
  const links = row.kind === "not_found" ? [start] : [again, start];
  const explanation = row.code === "form_foreign" ? "stale" : byStatus(status);
  return problem(language, {
    explanation,
    status: status === 401 ? 400 : status,
    detail: message,
    reference: request.id,
    links,
  });
}

function byStatus(status: number): Explanation {
  if (status === 404 || status === 405) return "missing";
  if (status === 503) return "busy";
  return status >= 500 ? "internal" : "request";
}

interface Problem {
  readonly explanation: Explanation;
  readonly status: number;
  readonly detail: string;
  readonly reference: string;
  readonly links: readonly Html[];
}

function problem(language: Language, { explanation, status, detail, reference, links }: Problem): ConsoleView {
  const help =
    explanation === "forbidden"
      ? say(language, "error.forbidden.help", { role: html`<code>jeton:admin:…</code>` })
      : say(language, `error.${explanation}.help`);
  return {
    status,
    title: say(language, `error.${explanation}`),
    body: html`<p>${help}</p>
<p class="actions">${links}</p>
<dl class="plain"><dt>${say(language, "error.detail")}</dt><dd id="error-detail" lang="en">${isolated(detail, { maxLength: 1_000 })}</dd>
<dt>${say(language, "error.reference")}</dt><dd><code>${isolated(reference)}</code></dd></dl>`,
  };
}

function loginFailed(
  language: Language,
  why: "unknown" | "refused",
  { base }: ConsolePlace,
  status: number,
): ConsoleView {
  return {
    status,
    title: say(language, `login.${why}`),
    body: html`<p>${say(language, `login.${why}.help`)}</p>${loginLink(language, base)}`,
  };
}

function loginLink(language: Language, base: string): Html {
  return html`<p class="actions"><a class="button primary" id="login" href="${base}/">${say(language, "login.again")}</a></p>`;
}

/** The page of a person without any power here. */
export function powerless(
  language: Language,
  { core, place, administrator }: Surroundings & { readonly administrator: Administrator },
): ConsoleView {
  const text: ConsoleText = "error.powerless.other";
  return {
    status: 403,
    title: say(language, "error.powerless"),
    body: html`<p>${say(language, "error.powerless.help", { person: isolated(administrator.name) })}</p>
<form method="post" action="${place.base}/sign-out">${hidden("csrf", csrfOf(core, administrator, "/sign-out"), "csrf")}
<div class="actions"><button class="button primary" type="submit" id="other">${say(language, text)}</button></div></form>`,
  };
}

/** The page after signing out of the console. */
export function signedOut(language: Language, { core, place }: Surroundings): ConsoleView {
  return {
    title: say(language, "login.out"),
    body: html`<p>${say(language, "login.out.help")}</p>
<p class="actions"><a class="button primary" id="login" href="${place.base}/">${say(language, "login.again")}</a>
<a class="button" id="server" href="${core.issuer}${LOGOUT_PATH}">${say(language, "login.out.server")}</a></p>`,
  };
}
