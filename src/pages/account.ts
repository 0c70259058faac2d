import { hidden, type FormCommon } from "./form.js";
import { html, isLink, isolated, type Html } from "./html.js";
import { pageOf, type Page } from "./layout.js";
import { scopeItems, type ShownScope } from "./scopes.js";
import { say } from "./texts.js";
import { dayOf } from "./time.js";

interface GivenConsent {
  readonly clientId: string;
  readonly clientName: string;
  /** Where its own pages begin, if it has any. */
  readonly home?: string | undefined;
  readonly scopes: readonly ShownScope[];
  readonly since: Date;
}

interface AccountPage extends FormCommon {
  readonly userName: string;
  readonly consents: readonly GivenConsent[];
  /** Where the link to sign out leads. */
  readonly logout: string;
  /** Where the link to what is shared leads. */
  readonly sharing: string;
}

/** Shows what a person has allowed, and takes it back. One form for each client, so that no script is needed. */
export function accountPage(p: AccountPage): Page {
  const { language, consents } = p;
  return pageOf({
    language,
    title: say(language, "account.title"),
    body: html`<p>${say(language, "logout.user", { user: isolated(p.userName) })}</p>
<h2>${say(language, "account.apps")}</h2>
${consents.length === 0 ? html`<p>${say(language, "account.none")}</p>` : consents.map((one) => consentForm(p, one))}
${links(p)}`,
  });
}

function consentForm({ language, action, csrf }: AccountPage, consent: GivenConsent): Html {
  const { clientId, clientName, home = "", scopes, since } = consent;
  const name = isolated(clientName, { otherwise: clientId });
  // an id has to be one word, and the same one each time the page is asked for
  const key = encodeURIComponent(clientId.toWellFormed());
  return html`<form class="app plain" id="consent-${key}" method="post" action="${action}">
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

function links({ language, logout, sharing }: AccountPage): Html | undefined {
  if (!isLink(logout) || !isLink(sharing)) return undefined;
  return html`<p class="actions"><a class="button" id="sharing" href="${sharing}">${say(language, "account.sharing")}</a>
<a class="button" id="sign-out" href="${logout}">${say(language, "logout.submit")}</a></p>`;
}
