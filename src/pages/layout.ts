import { Html, html, when } from "./html.js";
import { ICON_ADDRESS } from "./icon.js";
import type { Language } from "./language.js";
import { digestOf, formTargets, policyOf } from "./policy.js";
import { STYLE } from "./style.js";

/** A page, ready to be sent. */
export interface Page {
  readonly status: number;
  /** A whole document, UTF-8. */
  readonly html: string;
  /** The value of Content-Security-Policy. The page must not be sent without it. */
  readonly policy: string;
}

/** The surroundings of a page: everything that does not depend on the page itself. */
export interface Frame {
  readonly language: Language;
  /** The path of the issuer, which stands before every path of ours; empty if the issuer has none. */
  readonly base: string;
  /** The host name of the issuer. */
  readonly host: string;
}

interface Contents {
  readonly language: Language;
  /** 200 by default. */
  readonly status?: number;
  /** The heading, which is also the name of the tab. */
  readonly title: Html;
  readonly body: Html;
  /** Addresses that a form may end at besides ours, because browsers apply form-action to redirects too. */
  readonly leadsTo?: readonly string[];
  /** Addresses of the pages in its frames. */
  readonly frames?: readonly string[];
  /** The address at which the browser continues by itself, as soon as everything is loaded. */
  readonly next?: string | undefined;
}

const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_DIGEST = digestOf(STYLE);

/** A page whose forms are sent to this server. */
export function pageOf(contents: Contents): Page {
  const formAction = ["'self'", ...formTargets(contents.leadsTo ?? [])];
  return {
    status: contents.status ?? 200,
    html: documentOf(contents),
    policy: policyOf({ style: STYLE_DIGEST, formAction, frames: formTargets(contents.frames ?? []) }),
  };
}

/**
 * A page with a script and a form that is sent to another server only.
 * @param digest of the script
 */
export function scriptedPageOf(contents: Contents, script: Html, digest: string): Page {
  const formAction = formTargets(contents.leadsTo ?? []);
  return {
    status: contents.status ?? 200,
    html: documentOf(contents, script),
    policy: policyOf({ style: STYLE_DIGEST, script: digest, formAction }),
  };
}

function documentOf({ language, title, body, next }: Contents, script?: Html): string {
  return writeDocument({
    ...{ language, title, style: STYLE_ELEMENT },
    head: when(next, (uri) => html`<meta http-equiv="refresh" content="${`1; url=${uri}`}">`),
    body: html`<header><p class="wordmark">Jeton</p></header>
<main>
<h1>${title}</h1>
${body}
</main>
${script}`,
  });
}

/** The parts of a document. */
interface DocumentParts {
  readonly language: Language;
  /** The name of the tab. */
  readonly title: Html;
  /** The element with the style. */
  readonly style: Html;
  /** Further elements of the head. */
  readonly head: Html | undefined;
  readonly body: Html;
}

/** A whole document, which loads nothing. */
export function writeDocument({ language, title, style, head, body }: DocumentParts): string {
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${head}
<title>${title} · Jeton</title>
<link rel="icon" href="${ICON_ADDRESS}">
${style}
</head>
<body>
${body}
</body>
</html>
`.toString();
}
