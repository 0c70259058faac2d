import { carried } from "./form.js";
import { Html, html, when } from "./html.js";
import type { Language } from "./language.js";
import { scriptedPageOf, type Page } from "./layout.js";
import { digestOf, formTarget, targetName } from "./policy.js";
import { say } from "./texts.js";

interface FormPostPage {
  readonly language: Language;
  /** The redirect URI. */
  readonly action: string;
  /** The parameters of the authorization response. */
  readonly fields: Readonly<Record<string, string>>;
  /** Further addresses that the redirect URI may redirect to. */
  readonly leadsTo?: readonly string[];
}

// The method comes from the prototype, because a field called "submit" would hide the form's own.
const SCRIPT = 'HTMLFormElement.prototype.submit.call(document.getElementById("form_post"));';
const SCRIPT_ELEMENT = new Html(`<script>${SCRIPT}</script>`);
const SCRIPT_DIGEST = digestOf(SCRIPT);

/**
 * Posts an authorization response to the client (OAuth 2.0 Form Post Response Mode, section 2). No other page has a
 * script. If scripts are off, the button does the same. It has no name, so that it adds nothing to the response.
 */
export function formPostPage({ language, action, fields, leadsTo = [] }: FormPostPage): Page {
  const target = formTarget(action);
  const contents = {
    language,
    title: say(language, "form_post.title"),
    leadsTo: [action, ...leadsTo],
    body: html`${when(target, (uri) => html`<p>${say(language, "form_post.target", { target: targetName(uri) })}</p>`)}
<form id="form_post" method="post" action="${action}">
${carried(fields, [])}
<div class="actions">
<button class="button primary" type="submit" id="continue">${say(language, "form_post.submit")}</button>
</div>
</form>`,
  };
  return scriptedPageOf(contents, SCRIPT_ELEMENT, SCRIPT_DIGEST);
}
