import { Html, html } from "./html.js";
import { ICON_ADDRESS } from "./icon.js";
import type { Language } from "./language.js";
import { digestOf, onlyTargets, policyOf } from "./policy.js";
import { STYLE } from "./style.js";

/** A page as it is to be answered. */
export interface Page {
  readonly status: number;
  /** A whole document, UTF-8. */
  readonly html: string;
  /** The value of Content-Security-Policy, without which the page must not be sent. */
  readonly policy: string;
}

/** What every page is told. */
export interface Common {
  readonly language: Language;
}

interface Contents extends Common {
  /** 200 where it is not said. */
  readonly status?: number;
  /** The heading, which is also the name of the tab. */
  readonly title: Html;
  readonly body: Html;
  /** Origins and schemes a form may end at beside ourselves: browsers hold form-action against redirects too. */
  readonly formTargets?: readonly string[];
}

const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_DIGEST = digestOf(STYLE);

/** A page of ours, whose forms come back to us. */
export function pageOf(contents: Contents): Page {
  const formAction = ["'self'", ...onlyTargets(contents.formTargets ?? [])];
  return {
    status: contents.status ?? 200,
    html: documentOf(contents),
    policy: policyOf({ style: STYLE_DIGEST, formAction }),
  };
}

/** A page with a script, whose form goes somewhere else and nowhere but there. `digest` is that of the script. */
export function scriptedPageOf(contents: Contents, script: Html, digest: string): Page {
  const formAction = onlyTargets(contents.formTargets ?? []);
  return {
    status: contents.status ?? 200,
    html: documentOf(contents, script),
    policy: policyOf({ style: STYLE_DIGEST, script: digest, formAction }),
  };
}

function documentOf({ language, title, body }: Contents, script?: Html): string {
  return html`<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · Jeton</title>
<link rel="icon" href="${ICON_ADDRESS}">
${STYLE_ELEMENT}
</head>
<body>
<header><p class="wordmark">Jeton</p></header>
<main>
<h1>${title}</h1>
${body}
</main>
${script}
</body>
</html>
`.toString();
}
