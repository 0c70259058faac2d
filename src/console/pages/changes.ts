import { html, isolated, type Html } from "../../pages/html.js";
import { secondOf } from "../../pages/time.js";
import { linkTo, nextLink, table, type Page } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { valueMarkup } from "../result.js";
import { say } from "../texts.js";

/** The audit: every change of configuration and people. */

interface Change {
  readonly id: string;
  readonly at: string;
  readonly table: string;
  readonly by?: { readonly kind: string; readonly id: string; readonly ip?: string };
  readonly what?: string;
  readonly of?: string;
  readonly user?: string;
  readonly client?: string;
  readonly before?: Readonly<Record<string, unknown>>;
  readonly after?: Readonly<Record<string, unknown>>;
  readonly erased?: true;
}

/** The latest changes first. */
export const changesPage: ConsolePage = {
  path: "/audit",
  menu: "menu.audit",
  needs: "audit list",
  async show(request) {
    const { language, base, run, sent } = request;
    const { items, next } = (await run("audit list", { limit: 50, cursor: sent.get("cursor") })) as Page<Change>;
    const columns = [
      {
        heading: say(language, "decision.time"),
        cell: ({ id, at }: Change) =>
          html`<a href="${base}/audit/${encodeURIComponent(id)}">${secondOf(language, new Date(at))}</a>`,
      },
      { heading: say(language, "change.by"), cell: (change: Change) => caller(request, change) },
      { heading: say(language, "change.what"), cell: (change: Change) => deed(request, change) },
      { heading: say(language, "change.of"), cell: (change: Change) => subject(request, change) },
    ];
    return {
      kind: "show",
      title: say(language, "menu.audit"),
      body: html`<p>${say(language, "changes.help")}</p>
${table(language, say(language, "menu.audit"), columns, items)}
${nextLink(request, "/audit", next)}`,
    };
  },
};

/** One change: who, from where, what, and what was there before and after. */
export const changePage: ConsolePage = {
  path: "/audit/:id",
  async show(request) {
    const { language, path, run } = request;
    const change = (await run("audit show", { id: path.id! })) as Change;
    return {
      kind: "show",
      title: say(language, "change.title", { id: isolated(change.id) }),
      body: html`<p>${secondOf(language, new Date(change.at))}</p>
<p>${say(language, "change.by")}: ${caller(request, change)}</p>
<p>${say(language, "change.what")}: ${deed(request, change)} ${subject(request, change)}</p>
${change.erased === true ? html`<p>${say(language, "change.erased")}</p>` : differences(request, change)}`,
    };
  },
};

function caller(request: ConsoleRequest, { by }: Change): Html {
  if (by === undefined) return html`—`;
  const { kind, id, ip } = by;
  const name =
    kind === "person"
      ? linkTo(request, "/people/", id)
      : kind === "client"
        ? linkTo(request, "/clients/", id)
        : isolated(id);
  const place = ip === undefined ? undefined : html` <span class="quiet">${isolated(ip)}</span>`;
  return html`${name} <span class="tag">${isolated(kind)}</span>${place}`;
}

function deed(_request: ConsoleRequest, { what = "", table: kind }: Change): Html {
  return html`<code>${isolated([what, kind].filter(Boolean).join(" "))}</code>`;
}

function subject(request: ConsoleRequest, { of, user, client }: Change): Html {
  if (user !== undefined) return linkTo(request, "/people/", user)!;
  return client === undefined
    ? isolated(of ?? "", { otherwise: "—", maxLength: 255 })
    : linkTo(request, "/clients/", client)!;
}

/** A row for each member that changed. */
function differences(request: ConsoleRequest, { before = {}, after = {} }: Change): Html {
  const { language } = request;
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const columns = [
    { heading: say(language, "change.member"), cell: (name: string) => html`<code>${isolated(name)}</code>` },
    { heading: say(language, "change.before"), cell: (name: string) => valueMarkup(request, name, before[name]) },
    { heading: say(language, "change.after"), cell: (name: string) => valueMarkup(request, name, after[name]) },
  ];
  return table(language, say(language, "change.differences"), columns, names);
}
