import { Html, html, isolated, when } from "../pages/html.js";
import { hidden } from "../pages/form.js";
import type { Language } from "../pages/language.js";
import { writeDocument, type Page } from "../pages/layout.js";
import { digestOf, formTargets, policyOf } from "../pages/policy.js";
import type { ConsolePage, ConsoleView } from "./page.js";
import { SCRIPT } from "./script.js";
import { CONSOLE_STYLE } from "./style.js";
import { say, type MenuText } from "./texts.js";

const STYLE_ELEMENT = new Html(`<style>${CONSOLE_STYLE}</style>`);
const STYLE_DIGEST = digestOf(CONSOLE_STYLE);
const SCRIPT_ELEMENT = new Html(`<script>${SCRIPT}</script>`);
const SCRIPT_DIGEST = digestOf(SCRIPT);

/** What surrounds a page of the console. */
export interface ConsoleFrame {
  readonly language: Language;
  /** The path of the console, before every link. */
  readonly base: string;
  /** Where a form may lead to besides the console: the login. */
  readonly issuer: string;
  /** Absent for a page before the login. */
  readonly person?: PersonFrame | undefined;
  /** The text in the search box. */
  readonly searched?: string | undefined;
}

interface PersonFrame {
  readonly name: string;
  /** The tokens of the two forms in the bar. */
  readonly csrf: { readonly search: string; readonly signOut: string };
  readonly menu: readonly MenuItem[];
}

interface MenuItem {
  readonly path: string;
  readonly text: MenuText;
  readonly isCurrent: boolean;
}

/** The navigation of a person. The page that a path belongs to is the current one. */
export function menuOf(
  pages: readonly ConsolePage[],
  path: string,
  offers: (command: string) => boolean,
): readonly MenuItem[] {
  return pages.flatMap(({ path: own, menu: text, needs }) => {
    if (text === undefined || (needs !== undefined && !offers(needs))) return [];
    return [{ path: own, text, isCurrent: path === own || (own !== "/" && path.startsWith(`${own}/`)) }];
  });
}

/** Seconds between two loads of a page that shows progress, where scripts are off. */
const NO_SCRIPT_REFRESH = 5;

/** A page of the console as a document with its policy. */
export function consoleDocument(frame: ConsoleFrame, { title, body, status = 200, progresses }: ConsoleView): Page {
  const { language, issuer } = frame;
  const refresh = html`<noscript><meta http-equiv="refresh" content="${String(NO_SCRIPT_REFRESH)}"></noscript>`;
  return {
    status,
    html: writeDocument({
      ...{ language, title, style: STYLE_ELEMENT },
      head: progresses === true ? refresh : undefined,
      body: html`<a class="skip" href="#content">${say(language, "skip")}</a>
${bar(frame)}
<main class="wide" id="content">
<h1>${title}</h1>
${body}
</main>
${SCRIPT_ELEMENT}`,
    }),
    policy: policyOf({
      style: STYLE_DIGEST,
      script: SCRIPT_DIGEST,
      connects: progresses,
      formAction: ["'self'", ...formTargets([issuer])],
    }),
  };
}

function bar({ language, base, person, searched }: ConsoleFrame): Html {
  return html`<header class="bar">
<div class="top">
<p class="wordmark"><a href="${base}/">Jeton</a></p>
${when(
  person,
  ({ name, csrf }) => html`<form class="search" role="search" method="post" action="${base}/search">
${hidden("csrf", csrf.search, "csrf-search")}
<input type="search" name="q" id="q" value="${searched}" aria-label="${say(language, "search.label")}" placeholder="${say(language, "search.placeholder")}" autocapitalize="none" spellcheck="false">
<button class="button small" type="submit" id="search">${say(language, "search.submit")}</button>
</form>
<div class="who">${isolated(name)}
<form method="post" action="${base}/sign-out">${hidden("csrf", csrf.signOut, "csrf-sign-out")}
<button class="button small" type="submit" id="sign-out">${say(language, "sign-out")}</button></form></div>`,
)}
</div>
${when(
  person,
  ({ menu }) => html`<nav aria-label="${say(language, "menu")}"><ul>
${menu.map((one) => menuItem(language, base, one))}
</ul></nav>`,
)}
</header>`;
}

function menuItem(language: Language, base: string, { path, text, isCurrent }: MenuItem): Html {
  const current = isCurrent ? html` aria-current="page"` : undefined;
  return html`<li><a href="${base}${path}"${current}>${say(language, text)}</a></li>`;
}
