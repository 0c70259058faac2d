import type { Views } from "../browser/view.js";
import { codeOf } from "./device.js";
import { hidden, primary, secondary } from "./form.js";
import { html, isolated, when } from "./html.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { formTargets, targetName } from "./policy.js";
import { scopeItems } from "./scopes.js";
import { say } from "./texts.js";

/**
 * Asks whether a client may have the scopes that it requested. The form sends only the answer. The request stays on the
 * server, where no one can change it.
 */
export function consentPage(view: Views["consent"], { language, base }: Frame): Page {
  const { clientId, leadsTo, remembered, scopes, userCode } = view;
  const [target] = formTargets(leadsTo);
  const client = isolated(view.clientName, { otherwise: clientId });
  return pageOf({
    language,
    title: say(language, "consent.title"),
    leadsTo,
    body: html`<p>${say(language, "consent.asks", { client, user: isolated(view.userName) })}</p>
${when(userCode, (code) => html`<p class="alert" id="device-warning">${say(language, "device.consent", { code: codeOf(code) })}</p>`)}
<h2 id="scopes-title">${say(language, "consent.list")}</h2>
<ul class="scopes plain" id="scopes" aria-labelledby="scopes-title">
${scopes.length === 0 ? html`<li>${say(language, "consent.nothing")}</li>` : scopeItems(language, scopes)}
</ul>
${remembered ? html`<p class="quiet">${say(language, "consent.remembered")}</p>` : undefined}
${when(target, (uri) => html`<p class="quiet">${say(language, "consent.target", { target: targetName(uri) })}</p>`)}
<p class="quiet">${say(language, "consent.client", { id: isolated(clientId) })}</p>
<form id="consent" method="post" action="${base}${view.action}">
${hidden("csrf", view.csrf, "csrf")}
<div class="actions">
${primary("allow", say(language, "consent.allow"))}
${secondary("deny", say(language, "consent.deny"))}
</div>
</form>`,
  });
}
