import { ACCOUNT_PATH } from "../browser/paths.js";
import type { Views } from "../browser/view.js";
import { html, isolated } from "./html.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { say } from "./texts.js";

/** The page at the issuer's address: it explains what this server is, and leads to the person's account. */
export function homePage(_view: Views["home"], { language, base, host }: Frame): Page {
  return pageOf({
    language,
    title: say(language, "home.title"),
    body: html`<p>${say(language, "home.text", { host: isolated(host, { maxLength: 300 }) })}</p>
<p class="actions"><a class="button primary" id="account" href="${base}${ACCOUNT_PATH}">${say(language, "account.title")}</a></p>`,
  });
}
