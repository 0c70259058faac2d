import type { AppLink } from "../errors/refusal.js";
import { html, isLink, isolated, when, type Html } from "./html.js";
import type { Language } from "./language.js";
import { pageOf, type Page } from "./layout.js";
import { linkToApp } from "./link.js";
import { say } from "./texts.js";
import { waitOf } from "./time.js";

interface ErrorPage {
  readonly language: Language;
  readonly status: number;
  /** The message of the catalogue. It is English in every language, as in the documentation. */
  readonly message: string;
  /** The decision_id of the log line. */
  readonly decisionId: string;
  /** An explanation that the status alone does not give. */
  readonly about?: "stale" | "answered" | "declined" | undefined;
  /** The address at which the person can start again. */
  readonly again?: string | undefined;
  /** Seconds after which another attempt makes sense. */
  readonly retryAfter?: number | undefined;
  /** The app that the person came from. */
  readonly app?: AppLink | undefined;
}

type ErrorKind =
  "request" | "stale" | "answered" | "declined" | "denied" | "missing" | "attempts" | "busy" | "internal";

const BY_STATUS: Readonly<Record<number, ErrorKind>> = {
  401: "denied",
  403: "denied",
  404: "missing",
  405: "missing",
  408: "busy",
  410: "missing",
  429: "attempts",
  503: "busy",
};

/** Every message of the catalogue fits, with its slots filled. */
const MAX_MESSAGE_LENGTH = 1000;

/** Explains an error to the person, and names the details that support needs. It never redirects. */
export function errorPage({ language, status, message, about, decisionId, again, retryAfter, app }: ErrorPage): Page {
  const explanation = about ?? explain(status);
  return pageOf({
    language,
    status,
    title: say(language, `error.${explanation}`),
    body: html`<p>${helpOn(language, explanation, retryAfter)}</p>
${linksOf(language, app, again)}
<dl class="plain">
<dt>${say(language, "error.detail")}</dt>
<dd id="error-detail" lang="en">${isolated(message, { maxLength: MAX_MESSAGE_LENGTH })}</dd>
<dt>${say(language, "error.reference")}</dt>
<dd><code id="error-reference">${isolated(decisionId)}</code></dd>
</dl>`,
  });
}

function helpOn(language: Language, explanation: ErrorKind, retryAfter: number | undefined): Html {
  if (explanation !== "attempts" && explanation !== "busy") return say(language, `error.${explanation}.help`);
  return say(language, `error.${explanation}.help`, { time: waitOf(language, retryAfter) });
}

/** Links to continue. If there is an app to go back to, its link comes first, because most people want it. */
function linksOf(language: Language, app: AppLink | undefined, again: string | undefined): Html | undefined {
  const back = when(app, (one) => linkToApp(language, one));
  const kind = app === undefined ? "button primary" : "button";
  const start = again !== undefined && isLink(again) ? again : undefined;
  const link = when(
    start,
    (to) => html`<a class="${kind}" id="again" href="${to}">${say(language, "error.again")}</a>`,
  );
  return back === undefined && link === undefined ? undefined : html`<p class="actions">${back} ${link}</p>`;
}

function explain(status: number): ErrorKind {
  return BY_STATUS[status] ?? (status >= 500 ? "internal" : "request");
}
