import { html } from "../../pages/html.js";
import { pathOfCommand, SERVED } from "../commands.js";
import type { ConsolePage } from "../page.js";
import { say } from "../texts.js";
import { doesOf, titleOf } from "../command-texts.js";

/** Every command there is, by its noun. */
export const commandsPage: ConsolePage = {
  path: "/commands",
  menu: "menu.commands",
  async show({ language, base, offers }) {
    const allowed = SERVED.filter(({ name }) => offers(name));
    const nouns = [...new Set(allowed.map(({ name }) => name.split(" ")[0]!))];
    const sections = nouns.map((noun) => {
      const items = allowed
        .filter(({ name }) => name.split(" ")[0] === noun)
        .map(
          (one) =>
            html`<li><a href="${base}${pathOfCommand(one)}">${titleOf(language, one)}</a><p class="help">${doesOf(language, one)}</p></li>`,
        );
      return html`<section class="card"><h2>${noun}</h2><ul>${items}</ul></section>`;
    });
    return {
      kind: "show",
      title: say(language, "menu.commands"),
      body: html`<p>${say(language, "commands.help")}</p><div class="columns">${sections}</div>`,
    };
  },
};
