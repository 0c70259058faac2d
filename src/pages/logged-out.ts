import type { Views } from "../browser/view.js";
import { html, when } from "./html.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { linkToApp } from "./link.js";
import { say } from "./texts.js";

/** The page after a logout whose request named no other address. */
export function loggedOutPage({ app }: Views["logged_out"], { language }: Frame): Page {
  return pageOf({
    language,
    title: say(language, "logout.done"),
    body: html`<p>${say(language, "logout.close")}</p>
${when(app, (one) => html`<p class="actions">${linkToApp(language, one)}</p>`)}`,
  });
}
