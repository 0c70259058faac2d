import type { AppLink } from "../errors/refusal.js";
import { html, isLink, isolated, type Html } from "./html.js";
import type { Language } from "./language.js";
import { say } from "./texts.js";

/** A link back to the app that a person came from; empty if its address cannot be a link. */
export function linkToApp(language: Language, { name, uri }: AppLink): Html {
  if (!isLink(uri)) return html``;
  return html`<a class="button primary" id="app" href="${uri}">${say(language, "app.back", { client: isolated(name) })}</a>`;
}
