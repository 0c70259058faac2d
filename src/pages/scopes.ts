import type { Scope } from "../clients/registry.js";
import { html, isolated, type Html } from "./html.js";
import type { Language } from "./language.js";
import { describeScope } from "./texts.js";

/** A description is shown up to this many characters. */
const MAX_DESCRIPTION_LENGTH = 300;

/** One list item for each scope: its description, or its name if it has none. */
export function scopeItems(
  language: Language,
  scopes: readonly Pick<Scope, "name" | "description">[],
): readonly Html[] {
  return scopes.map(({ name, description }) => {
    const text = describeScope(language, name, description);
    if (text === undefined) return html`<li><code>${isolated(name)}</code></li>`;
    return html`<li>${isolated(text, { otherwise: name, maxLength: MAX_DESCRIPTION_LENGTH })}</li>`;
  });
}
