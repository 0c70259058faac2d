import { html, isolated } from "./html.js";
import { pageOf, type Common, type Page } from "./layout.js";
import { say } from "./texts.js";

interface HomePage extends Common {
  /** The name people know the server by. */
  readonly host: string;
  /** Where their own page is. */
  readonly account: string;
}

/** What stands at the address itself: what this is, and the way to one's own account. */
export function homePage({ language, host, account }: HomePage): Page {
  return pageOf({
    language,
    title: say(language, "home.title"),
    body: html`<p>${say(language, "home.text", { host: isolated(host, { maxLength: 300 }) })}</p>
<p class="actions"><a class="button primary" id="account" href="${account}">${say(language, "account.title")}</a></p>`,
  });
}
