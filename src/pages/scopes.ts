import { html, isolated, type Html } from "./html.js";
import type { Language } from "./language.js";
import { describeScope } from "./texts.js";

/** A scope as it is shown to people. */
export interface ShownScope {
  readonly name: string;
  readonly description: string | null;
}

/** A description is a sentence, not a treatise. */
const MAX_DESCRIPTION_LENGTH = 300;

/** One list item for each scope: what it means, or its name where nobody has said. */
export function scopeItems(language: Language, scopes: readonly ShownScope[]): readonly Html[] {
  return scopes.map(({ name, description }) => {
    const meaning = describeScope(language, name, description);
    if (meaning === undefined) return html`<li><code>${isolated(name)}</code></li>`;
    return html`<li>${isolated(meaning, { otherwise: name, maxLength: MAX_DESCRIPTION_LENGTH })}</li>`;
  });
}
