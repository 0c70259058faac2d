import { hidden, primary, secondary, type FormCommon } from "./form.js";
import { html, isolated, when, type Html } from "./html.js";
import { pageOf, type Page } from "./layout.js";
import { say } from "./texts.js";

interface LoginPage extends FormCommon {
  /** Who sent the person here, if anybody did. */
  readonly clientName?: string | undefined;
  /** What to begin with in the first field: a login_hint, or what was entered before. */
  readonly username?: string | undefined;
  /** Why the form is shown again. Whether the name or the password was wrong is not said, nor known here. */
  readonly failed?: "wrong" | undefined;
  readonly formTargets: readonly string[];
  /** `prompt=select_account`: say that any account may be used. */
  readonly selectAccount?: boolean | undefined;
}

/** Asks for name and password. */
export function loginPage(p: LoginPage): Page {
  const { language, clientName, failed } = p;
  return pageOf({
    language,
    title: say(language, "login.title"),
    formTargets: p.formTargets,
    body: html`${when(clientName, (name) => html`<p>${say(language, "login.for", { client: isolated(name) })}</p>`)}
${p.selectAccount === true ? html`<p>${say(language, "login.select")}</p>` : undefined}
${when(failed, (why) => html`<p class="alert" role="alert" id="login-error">${say(language, `login.${why}`)}</p>`)}
<form id="login" method="post" action="${p.action}">
${hidden("csrf", p.csrf, "csrf")}
${usernameField(p)}
${passwordField(p)}
<div class="actions">
${primary("login", say(language, "login.submit"))}
${secondary("cancel", say(language, "cancel"))}
</div>
</form>`,
  });
}

function usernameField(p: LoginPage): Html {
  return html`<label for="username">${say(p.language, "login.username")}</label>
<input type="text" name="username" id="username" value="${p.username}" required${hasName(p) ? undefined : FOCUS}${failure(p)}
 autocomplete="username" autocapitalize="none" spellcheck="false" dir="auto">`;
}

function passwordField(p: LoginPage): Html {
  return html`<label for="password">${say(p.language, "login.password")}</label>
<input type="password" name="password" id="password" required${hasName(p) ? FOCUS : undefined}${failure(p)}
 autocomplete="current-password">`;
}

const FOCUS = html` autofocus`;

/** Where the name stands already, the password is what is left to do. */
function hasName({ username = "" }: LoginPage): boolean {
  return username !== "";
}

/** Ties a field to the sentence that says what went wrong. */
function failure({ failed }: LoginPage): Html | undefined {
  return when(failed, () => html` aria-invalid="true" aria-describedby="login-error"`);
}
