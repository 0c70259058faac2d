import type { Command } from "../admin/command.js";
import { html, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";

/** What a command is called on its page. */
export function titleOf(_language: Language, { name }: Command): Html {
  return html`${name}`;
}

/** What a command does. It says so itself in English. */
export function doesOf(_language: Language, { does }: Command): Html {
  return html`<span lang="en">${does}</span>`;
}
