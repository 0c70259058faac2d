import type { AppLink } from "../errors/refusal.js";
import { html, when } from "./html.js";
import { pageOf, type Common, type Page } from "./layout.js";
import { linkToApp } from "./link.js";
import { say } from "./texts.js";

interface LoggedOutPage extends Common {
  /** The app that asked for it, where it has pages of its own. */
  readonly app?: AppLink | undefined;
}

/** What stands after a logout that has nowhere else to go. */
export function loggedOutPage({ language, app }: LoggedOutPage): Page {
  return pageOf({
    language,
    title: say(language, "logout.done"),
    body: html`<p>${say(language, "logout.close")}</p>
${when(app, (one) => html`<p class="actions">${linkToApp(language, one)}</p>`)}`,
  });
}
