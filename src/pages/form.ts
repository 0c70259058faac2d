import { html, type Html } from "./html.js";
import type { Common } from "./layout.js";

/** What every page with a form is told: where the form goes, and the token that shows that it is ours. */
export interface FormCommon extends Common {
  readonly action: string;
  readonly csrf: string;
}

/** A field nobody sees. An id has to be the only one of its page, a name need not. */
export function hidden(name: string, value: string, id: string): Html {
  return html`<input type="hidden" name="${name}" id="${id}" value="${value}">`;
}

/** Fields that are carried through a form, without those names the form itself needs. */
export function carried(fields: Readonly<Record<string, string>>, reserved: readonly string[]): readonly Html[] {
  return Object.entries(fields)
    .filter(([name]) => !reserved.includes(name))
    .map(([name, value]) => hidden(name, value, `field-${name}`));
}

/** The button that does what the form is for: the first one, so that the Enter key means it. */
export function primary(value: string, text: Html): Html {
  return html`<button class="button primary" type="submit" name="action" id="action-${value}"
 value="${value}">${text}</button>`;
}

/** The way out, which asks for no field to be filled. */
export function secondary(value: string, text: Html): Html {
  return html`<button class="button" type="submit" name="action" id="action-${value}"
 value="${value}" formnovalidate>${text}</button>`;
}
