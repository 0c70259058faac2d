import { html, isolated } from "../../pages/html.js";
import { buttonTo, nextLink, table, tag, type Page } from "../list.js";
import type { ConsolePage } from "../page.js";
import { say } from "../texts.js";

interface Client {
  readonly client_id: string;
  readonly client_name?: string;
  readonly grant_types: readonly string[];
  readonly disabled: boolean;
}

/** Every client, by its id. */
export const clientsPage: ConsolePage = {
  path: "/clients",
  menu: "menu.clients",
  needs: "client list",
  async show(request) {
    const { language, base, run, sent } = request;
    const { items, next } = (await run("client list", { limit: 50, cursor: sent.get("cursor") })) as Page<Client>;
    const columns = [
      {
        heading: say(language, "client.id"),
        cell: ({ client_id }: Client) =>
          html`<a href="${base}/clients/${encodeURIComponent(client_id)}">${isolated(client_id, { maxLength: 255 })}</a>`,
      },
      {
        heading: say(language, "client.name"),
        cell: ({ client_name = "" }: Client) => isolated(client_name, { maxLength: 255 }),
      },
      {
        heading: say(language, "client.grants"),
        cell: ({ grant_types }: Client) =>
          isolated(grant_types.map((one) => one.split(":").at(-1)!).join(", "), { maxLength: 500 }),
      },
      {
        heading: say(language, "person.state"),
        cell: ({ disabled }: Client) => tag(say(language, disabled ? "state.disabled" : "state.enabled"), disabled),
      },
    ];
    return {
      kind: "show",
      title: say(language, "menu.clients"),
      body: html`<p>${say(language, "clients.help")}</p>
${table(language, say(language, "menu.clients"), columns, items)}
${nextLink(request, "/clients", next)}
<p class="actions">${buttonTo(request, "/commands/client.add", say(language, "clients.add"), "add")}</p>`,
    };
  },
};
