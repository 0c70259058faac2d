import { html, type Html } from "./html.js";

/** A hidden field. The id must be unique on its page, the name need not. */
export function hidden(name: string, value: string, id: string): Html {
  return html`<input type="hidden" name="${name}" id="${id}" value="${value}">`;
}

/** Hidden fields that carry values through a form, except the names that the form uses itself. */
export function carried(fields: Readonly<Record<string, string>>, reserved: readonly string[]): readonly Html[] {
  return Object.entries(fields)
    .filter(([name]) => !reserved.includes(name))
    .map(([name, value]) => hidden(name, value, `field-${name}`));
}

/** The button for the purpose of the form. It stands first, so that the Enter key presses it. */
export function primary(value: string, text: Html): Html {
  return html`<button class="button primary" type="submit" name="action" id="action-${value}"
 value="${value}">${text}</button>`;
}

/** The button that declines or cancels. It needs no field filled in. */
export function secondary(value: string, text: Html): Html {
  return html`<button class="button" type="submit" name="action" id="action-${value}"
 value="${value}" formnovalidate>${text}</button>`;
}
