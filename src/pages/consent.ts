import { hidden, primary, secondary, type FormCommon } from "./form.js";
import { html, isolated, when } from "./html.js";
import { pageOf, type Page } from "./layout.js";
import { onlyTargets, targetName } from "./policy.js";
import { scopeItems, type ShownScope } from "./scopes.js";
import { say } from "./texts.js";

interface ConsentPage extends FormCommon {
  readonly clientName: string;
  readonly clientId: string;
  readonly userName: string;
  readonly scopes: readonly ShownScope[];
  readonly formTargets: readonly string[];
  /** Whether the answer is kept for the next time. */
  readonly remembered: boolean;
}

/**
 * Asks whether a client may have what it asked for. The form says only yes or no: what was asked stays on the server,
 * where nobody can change it on the way.
 */
export function consentPage(p: ConsentPage): Page {
  const { language, scopes } = p;
  const [target] = onlyTargets(p.formTargets);
  const client = isolated(p.clientName, { otherwise: p.clientId });
  return pageOf({
    language,
    title: say(language, "consent.title"),
    formTargets: p.formTargets,
    body: html`<p>${say(language, "consent.asks", { client, user: isolated(p.userName) })}</p>
<h2 id="scopes-title">${say(language, "consent.list")}</h2>
<ul class="scopes plain" id="scopes" aria-labelledby="scopes-title">
${scopes.length === 0 ? html`<li>${say(language, "consent.nothing")}</li>` : scopeItems(language, scopes)}
</ul>
${when(p.remembered || undefined, () => html`<p class="quiet">${say(language, "consent.remembered")}</p>`)}
${when(target, (uri) => html`<p class="quiet">${say(language, "consent.target", { target: targetName(uri) })}</p>`)}
<p class="quiet">${say(language, "consent.client", { id: isolated(p.clientId) })}</p>
<form id="consent" method="post" action="${p.action}">
${hidden("csrf", p.csrf, "csrf")}
<div class="actions">
${primary("allow", say(language, "consent.allow"))}
${secondary("deny", say(language, "consent.deny"))}
</div>
</form>`,
  });
}
