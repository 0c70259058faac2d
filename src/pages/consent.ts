import type { Views } from "../browser/view.js";
import { codeOf } from "./device.js";
import type { ClientPages } from "../browser/authorize/show.js";
import { hidden, primary, secondary } from "./form.js";
import { html, isLink, isolated, when, type Html } from "./html.js";
import type { Language } from "./language.js";
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
${when(view.host, (host) => html`<p id="host">${say(language, "consent.host", { host: isolated(host, { maxLength: 255 }) })}</p>`)}
${when(view.unverified, (pages) => warning(language, pages))}
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

/** What a client that registered itself says about itself. Its links show their host, because a name can be chosen freely. */
function warning(language: Language, { client_uri, policy_uri, tos_uri }: ClientPages): Html {
  const link = (uri: string | undefined, text: Html) =>
    uri === undefined || !isLink(uri)
      ? undefined
      : html`<li><a href="${uri}" target="_blank" rel="noopener noreferrer nofollow">${text} (${isolated(new URL(uri).host, { maxLength: 255 })})</a></li>`;
  const links = [
    link(client_uri, say(language, "consent.website")),
    link(policy_uri, say(language, "consent.policy")),
    link(tos_uri, say(language, "consent.terms")),
  ].filter((one) => one !== undefined);
  return html`<div class="alert" id="unverified">
<p>${say(language, "consent.unverified")}</p>
${links.length === 0 ? undefined : html`<ul class="plain">${links}</ul>`}
</div>`;
}
