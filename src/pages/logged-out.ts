import type { Views } from "../browser/view.js";
import { html, isLink, when, type Html } from "./html.js";
import type { Language } from "./language.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { linkToApp } from "./link.js";
import { say } from "./texts.js";

/**
 * The page after a logout whose request named no other address, or whose clients are told in frames. The browser continues by
 * itself after the frames are loaded (OpenID Connect Front-Channel Logout section 3).
 */
export function loggedOutPage({ app, frames, next }: Views["logged_out"], { language }: Frame): Page {
  const link = next === undefined ? when(app, (one) => linkToApp(language, one)) : linkToNext(language, next);
  return pageOf({
    language,
    title: say(language, "logout.done"),
    frames,
    next,
    body: html`${frames.length > 0 ? html`<p>${say(language, "logout.apps")}</p>` : undefined}
${next === undefined ? html`<p>${say(language, "logout.close")}</p>` : undefined}
${when(link, (one) => html`<p class="actions">${one}</p>`)}
${frames.map((uri, index) => frameOf(language, uri, index))}`,
  });
}

function linkToNext(language: Language, uri: string): Html | undefined {
  if (!isLink(uri)) return undefined;
  return html`<a class="button primary" id="next" href="${uri}">${say(language, "logout.next")}</a>`;
}

/** A frame of a client runs its own scripts, and cannot navigate this page. */
function frameOf(language: Language, uri: string, index: number): Html {
  return html`<iframe hidden id="frame-${String(index)}" src="${uri}" title="${say(language, "logout.frame")}"
 sandbox="allow-same-origin allow-scripts allow-forms"></iframe>`;
}
