import { LOGOUT_PATH, SHARING_PATH } from "../browser/paths.js";
import type { Views } from "../browser/view.js";
import { hidden } from "./form.js";
import { html, isLink, isolated, type Html } from "./html.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { scopeItems } from "./scopes.js";
import { say } from "./texts.js";
import { dayOf } from "./time.js";

type AccountView = Views["account"];

/** Shows the clients that a person gave access to. Each has a form of its own, so that no script is needed. */
export function accountPage(view: AccountView, frame: Frame): Page {
  const { language } = frame;
  const forms = view.consents.map((one) => consentForm(view, frame, one));
  return pageOf({
    language,
    title: say(language, "account.title"),
    body: html`<p>${say(language, "logout.user", { user: isolated(view.userName) })}</p>
<h2>${say(language, "account.apps")}</h2>
${forms.length === 0 ? html`<p>${say(language, "account.none")}</p>` : forms}
${links(frame)}`,
  });
}

function consentForm(
  { action, csrf }: AccountView,
  { language, base }: Frame,
  consent: AccountView["consents"][number],
): Html {
  const { clientId, clientName, home = "", scopes, since } = consent;
  const name = isolated(clientName, { otherwise: clientId });
  // An id must be one word, and the same one each time the page is shown.
  const key = encodeURIComponent(clientId.toWellFormed());
  return html`<form class="app plain" id="consent-${key}" method="post" action="${base}${action}">
${hidden("csrf", csrf, `csrf-${key}`)}
${hidden("client_id", clientId, `client_id-${key}`)}
<h3 id="client-${key}">${isLink(home) ? html`<a href="${home}">${name}</a>` : name}</h3>
<ul>
${scopeItems(language, scopes)}
</ul>
<p class="quiet">${say(language, "account.since", { date: dayOf(language, since) })}</p>
<div class="actions">
<button class="button" type="submit" name="action" id="withdraw-${key}" value="withdraw"
 aria-describedby="client-${key}">${say(language, "account.withdraw")}</button>
</div>
</form>`;
}

function links({ language, base }: Frame): Html {
  return html`<p class="actions"><a class="button" id="sharing" href="${base}${SHARING_PATH}">${say(language, "account.sharing")}</a>
<a class="button" id="sign-out" href="${base}${LOGOUT_PATH}">${say(language, "logout.submit")}</a></p>`;
}
