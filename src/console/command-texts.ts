import type { Command } from "../admin/command.js";
import { html, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";
import { COMMAND_TEXTS } from "./texts/commands.js";
import { RARE_COMMAND_TEXTS } from "./texts/rare-commands.js";

const TEXTS = { ...COMMAND_TEXTS, ...RARE_COMMAND_TEXTS };

/** What a command is called on its page. */
export function titleOf(language: Language, { name }: Pick<Command, "name">): Html {
  return html`${TEXTS[name]?.[language] ?? name}`;
}

/** What a command does. It says so itself in English. */
export function doesOf(language: Language, { name, does }: Command): Html {
  const translated = language === "de" ? TEXTS[name]?.does : undefined;
  return translated === undefined ? html`<span lang="en">${does}</span>` : html`${translated}`;
}
