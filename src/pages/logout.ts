import { carried, hidden, primary, secondary, type FormCommon } from "./form.js";
import { html, isolated, when } from "./html.js";
import { pageOf, type Page } from "./layout.js";
import { say } from "./texts.js";

interface LogoutPage extends FormCommon {
  readonly clientName?: string | undefined;
  readonly userName?: string | undefined;
  /** What the request for the logout brought and its answer needs; `csrf` and `action` are the form's own. */
  readonly hidden: Readonly<Record<string, string>>;
  readonly formTargets: readonly string[];
}

/** Asks whether to sign out: a link somewhere must not do it by itself (OpenID Connect RP-Initiated Logout section 2). */
export function logoutPage(p: LogoutPage): Page {
  const { language, clientName, userName } = p;
  return pageOf({
    language,
    title: say(language, "logout.title"),
    formTargets: p.formTargets,
    body: html`${when(clientName, (name) => html`<p>${say(language, "logout.client", { client: isolated(name) })}</p>`)}
${when(userName, (name) => html`<p>${say(language, "logout.user", { user: isolated(name) })}</p>`)}
<form id="logout" method="post" action="${p.action}">
${hidden("csrf", p.csrf, "csrf")}
${carried(p.hidden, ["csrf", "action"])}
<div class="actions">
${primary("logout", say(language, "logout.submit"))}
${secondary("cancel", say(language, "logout.stay"))}
</div>
</form>`,
  });
}
