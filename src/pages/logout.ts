import type { Views } from "../browser/view.js";
import { carried, hidden, primary, secondary } from "./form.js";
import { html, isolated, when } from "./html.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { say } from "./texts.js";

/** Asks whether to sign out: a mere link must not sign anybody out (OpenID Connect RP-Initiated Logout section 2). */
export function logoutPage(view: Views["logout"], { language, base }: Frame): Page {
  const { clientName, userName } = view;
  return pageOf({
    language,
    title: say(language, "logout.title"),
    leadsTo: view.leadsTo,
    body: html`${when(clientName, (name) => html`<p>${say(language, "logout.client", { client: isolated(name) })}</p>`)}
<p>${say(language, "logout.user", { user: isolated(userName) })}</p>
<form id="logout" method="post" action="${base}${view.action}">
${hidden("csrf", view.csrf, "csrf")}
${carried(view.hidden, ["csrf", "action"])}
<div class="actions">
${primary("logout", say(language, "logout.submit"))}
${secondary("cancel", say(language, "logout.stay"))}
</div>
</form>`,
  });
}
