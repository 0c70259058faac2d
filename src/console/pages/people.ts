import { html, isolated } from "../../pages/html.js";
import { buttonTo, nextLink, table, tag, type Page } from "../list.js";
import type { ConsolePage } from "../page.js";
import { say } from "../texts.js";

interface User {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email?: string;
  readonly phone_number?: string;
  readonly roles: readonly string[];
  readonly disabled: boolean;
}

/** Everybody, by login name. */
export const peoplePage: ConsolePage = {
  path: "/people",
  menu: "menu.people",
  needs: "user list",
  async show(request) {
    const { language, base, run, sent } = request;
    const { items, next } = (await run("user list", { limit: 50, cursor: sent.get("cursor") })) as Page<User>;
    const columns = [
      {
        heading: say(language, "person.login"),
        cell: ({ sub, preferred_username }: User) => {
          const name = isolated(preferred_username, { otherwise: sub, maxLength: 255 });
          return html`<a href="${base}/people/${encodeURIComponent(sub)}">${name}</a>`;
        },
      },
      { heading: say(language, "person.email"), cell: ({ email = "" }: User) => isolated(email, { maxLength: 255 }) },
      { heading: say(language, "person.phone"), cell: ({ phone_number = "" }: User) => isolated(phone_number) },
      {
        heading: say(language, "person.roles"),
        cell: ({ roles }: User) => html`${roles.map((role) => tag(isolated(role), false))}`,
      },
      {
        heading: say(language, "person.state"),
        cell: ({ disabled }: User) => tag(say(language, disabled ? "state.disabled" : "state.enabled"), disabled),
      },
    ];
    return {
      kind: "show",
      title: say(language, "menu.people"),
      body: html`<p>${say(language, "people.help")}</p>
${table(language, say(language, "menu.people"), columns, items)}
${nextLink(request, "/people", next)}
<p class="actions">${buttonTo(request, "/commands/user.add", say(language, "people.add"), "add")}</p>`,
    };
  },
};
