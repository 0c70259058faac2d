import type { Views } from "../browser/view.js";
import { hidden, primary, secondary } from "./form.js";
import { html, isolated, when, type Html } from "./html.js";
import type { Language } from "./language.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { say } from "./texts.js";

type LoginView = Views["login"];

/** Asks for name and password. */
export function loginPage(view: LoginView, { language, base }: Frame): Page {
  const { clientName, failed, selectAccount } = view;
  return pageOf({
    language,
    title: say(language, "login.title"),
    leadsTo: view.leadsTo,
    body: html`${when(clientName, (name) => html`<p>${say(language, "login.for", { client: isolated(name) })}</p>`)}
${selectAccount ? html`<p>${say(language, "login.select")}</p>` : undefined}
${when(failed, (why) => html`<p class="alert" role="alert" id="login-error">${say(language, `login.${why}`)}</p>`)}
<form id="login" method="post" action="${base}${view.action}">
${hidden("csrf", view.csrf, "csrf")}
${usernameField(view, language)}
${passwordField(view, language)}
<div class="actions">
${primary("login", say(language, "login.submit"))}
${secondary("cancel", say(language, "cancel"))}
</div>
</form>`,
  });
}

function usernameField(view: LoginView, language: Language): Html {
  return html`<label for="username">${say(language, "login.username")}</label>
<input type="text" name="username" id="username" value="${view.username}" required${hasName(view) ? undefined : FOCUS}${failure(view)}
 autocomplete="username" autocapitalize="none" spellcheck="false" dir="auto">`;
}

function passwordField(view: LoginView, language: Language): Html {
  return html`<label for="password">${say(language, "login.password")}</label>
<input type="password" name="password" id="password" required${hasName(view) ? FOCUS : undefined}${failure(view)}
 autocomplete="current-password">`;
}

const FOCUS = html` autofocus`;

/** If the name is filled in already, the password field gets the focus. */
function hasName({ username = "" }: LoginView): boolean {
  return username !== "";
}

/** Ties a field to the error message. */
function failure({ failed }: LoginView): Html | undefined {
  return when(failed, () => html` aria-invalid="true" aria-describedby="login-error"`);
}
