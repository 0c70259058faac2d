import { carried } from "./form.js";
import { Html, html, when } from "./html.js";
import { scriptedPageOf, type Common, type Page } from "./layout.js";
import { digestOf, formTarget, formTargets, targetName } from "./policy.js";
import { say } from "./texts.js";

interface FormPostPage extends Common {
  /** The redirect URI. */
  readonly action: string;
  /** The parameters of the answer, which arrive as they are given here. */
  readonly fields: Readonly<Record<string, string>>;
  /** Further addresses that the redirect URI may send people on to. */
  readonly leadsTo?: readonly string[];
}

// the method of the prototype: a field called "submit" would stand in front of the form's own
const SCRIPT = 'HTMLFormElement.prototype.submit.call(document.getElementById("form_post"));';
const SCRIPT_ELEMENT = new Html(`<script>${SCRIPT}</script>`);
const SCRIPT_DIGEST = digestOf(SCRIPT);

/**
 * The answer of an authorization request by POST (OAuth 2.0 Form Post Response Mode, section 2). The one page with a
 * script; without scripts its button does the same. The button has no name, so that nothing is added to the answer.
 */
export function formPostPage({ language, action, fields, leadsTo = [] }: FormPostPage): Page {
  const target = formTarget(action);
  const contents = {
    language,
    title: say(language, "form_post.title"),
    formTargets: formTargets([action, ...leadsTo]),
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
