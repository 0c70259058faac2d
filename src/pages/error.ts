import { html, isLink, isolated, when, type Html } from "./html.js";
import type { Language } from "./language.js";
import { pageOf, type Common, type Page } from "./layout.js";
import { say } from "./texts.js";

interface ErrorPage extends Common {
  readonly status: number;
  /** The catalogue's sentence: English in every language, as the documentation has it. */
  readonly message: string;
  /** What the log knows this decision by. */
  readonly decisionId: string;
  /** Whether it is about a form that is too old, was answered before, or is not of this browser. */
  readonly stale?: boolean;
  /** Where to start again. */
  readonly again?: string | undefined;
}

type Explanation = "request" | "stale" | "denied" | "missing" | "tries" | "busy" | "internal";

const BY_STATUS: Readonly<Record<number, Explanation>> = {
  401: "denied",
  403: "denied",
  404: "missing",
  405: "missing",
  408: "busy",
  410: "missing",
  429: "tries",
  503: "busy",
};

/** A sentence of the catalogue with its slots filled fits well within. */
const LONGEST_MESSAGE = 1000;

/** Says what went wrong to somebody who did not cause it, and to whoever they ask for help. Never sends anybody away. */
export function errorPage({ language, status, message, stale = false, decisionId, again }: ErrorPage): Page {
  const explanation = stale ? "stale" : explain(status);
  return pageOf({
    language,
    status,
    title: say(language, `error.${explanation}`),
    body: html`<p>${say(language, `error.${explanation}.help`)}</p>
${when(again, (address) => linkAgain(language, address))}
<dl class="plain">
<dt>${say(language, "error.detail")}</dt>
<dd id="error-detail" lang="en">${isolated(message, { longest: LONGEST_MESSAGE })}</dd>
<dt>${say(language, "error.reference")}</dt>
<dd><code id="error-reference">${isolated(decisionId)}</code></dd>
</dl>`,
  });
}

function linkAgain(language: Language, address: string): Html {
  if (!isLink(address)) return html``;
  return html`<p class="actions">
<a class="button primary" id="again" href="${address}">${say(language, "error.again")}</a>
</p>`;
}

function explain(status: number): Explanation {
  return BY_STATUS[status] ?? (status >= 500 ? "internal" : "request");
}
