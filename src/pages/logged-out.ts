import { html } from "./html.js";
import { pageOf, type Common, type Page } from "./layout.js";
import { say } from "./texts.js";

/** What stands after a logout that has nowhere else to go. */
export function loggedOutPage({ language }: Common): Page {
  return pageOf({
    language,
    title: say(language, "logout.done"),
    body: html`<p>${say(language, "logout.close")}</p>`,
  });
}
