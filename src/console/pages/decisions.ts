import type { Parameters } from "../../http/form.js";
import { html, isolated, type Html } from "../../pages/html.js";
import { secondOf } from "../../pages/time.js";
import { linkTo, nextLink, table, tag, type Page } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { say } from "../texts.js";

/** Token decisions, the latest first, with a filter. */
export const decisionsPage: ConsolePage = {
  path: "/decisions",
  menu: "menu.decisions",
  needs: "decision list",
  async show(request) {
    const { language, run, sent } = request;
    const filter = Object.fromEntries(FILTERS.flatMap((name) => (sent.has(name) ? [[name, sent.get(name)!]] : [])));
    const { items, next } = (await run("decision list", {
      ...filter,
      limit: 50,
      cursor: sent.get("cursor"),
    })) as Page<Decision>;
    const address = `/decisions?${new URLSearchParams(filter)}`;
    return {
      kind: "show",
      title: say(language, "menu.decisions"),
      body: html`<p>${say(language, "decisions.help")}</p>
${filterForm(request, sent)}
${table(language, say(language, "menu.decisions"), columns(request), items)}
${nextLink(request, address, next)}`,
    };
  },
};

/** The members of the filter. One of them has an index at a time. */
const FILTERS = ["client", "user", "code"] as const;

interface Decision {
  readonly id: string;
  readonly decided_at: string | Date;
  readonly outcome: "granted" | "refused";
  readonly operation?: string;
  readonly dialect?: string;
  readonly grant_type?: string;
  readonly client_id?: string;
  readonly sub?: string;
  readonly code?: string;
}

function columns(request: ConsoleRequest) {
  const { language, base } = request;
  return [
    {
      heading: say(language, "decision.time"),
      cell: ({ id, decided_at }: Decision) =>
        html`<a href="${base}/decisions/${encodeURIComponent(id)}">${secondOf(language, new Date(decided_at))}</a>`,
    },
    {
      heading: say(language, "decision.outcome"),
      cell: ({ outcome }: Decision) => outcomeTag(request, outcome),
    },
    {
      heading: say(language, "decision.what"),
      cell: ({ operation = "", grant_type, dialect = "" }: Decision) =>
        html`${isolated([operation, grant_type?.split(":").at(-1), dialect].filter(Boolean).join(" · "), { maxLength: 200 })}`,
    },
    {
      heading: say(language, "grant.client"),
      cell: ({ client_id }: Decision) => linkTo(request, "/clients/", client_id),
    },
    { heading: say(language, "decision.person"), cell: ({ sub }: Decision) => linkTo(request, "/people/", sub) },
    {
      heading: say(language, "decision.code"),
      cell: ({ code }: Decision) => (code === undefined ? undefined : html`<code>${isolated(code)}</code>`),
    },
  ];
}

export function outcomeTag({ language }: ConsoleRequest, outcome: "granted" | "refused" | "open"): Html {
  return tag(say(language, `outcome.${outcome}`), outcome === "refused");
}

function filterForm({ language, base }: ConsoleRequest, sent: Parameters): Html {
  const fields = FILTERS.map(
    (name) => html`<div><label for="filter-${name}">${say(language, `decisions.filter.${name}`)}</label>
<input type="text" name="${name}" id="filter-${name}" value="${sent.get(name)}" autocapitalize="none" spellcheck="false"></div>`,
  );
  const isOpen = FILTERS.some((name) => sent.has(name)) ? html` open` : undefined;
  return html`<details${isOpen}><summary>${say(language, "command.filter")}</summary>
<form class="wide" id="filter" method="get" action="${base}/decisions">${fields}
<p class="help">${say(language, "decisions.filter.help")}</p>
<div class="actions"><button class="button primary" type="submit" id="apply">${say(language, "search.submit")}</button></div></form></details>`;
}
