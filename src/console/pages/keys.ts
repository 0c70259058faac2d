import { html, isolated, type Html } from "../../pages/html.js";
import { minuteOf } from "../../pages/time.js";
import { spanText } from "../figures.js";
import { buttonTo, tag } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { say } from "../texts.js";

/** The signing keys as a timeline: what comes, what signs, and what is kept until its last token has expired. */
export const keysPage: ConsolePage = {
  path: "/keys",
  menu: "menu.keys",
  needs: "keys list",
  async show(request) {
    const { language, run } = request;
    const keys = (await run("keys list", {})) as readonly Key[];
    const inOrder = ORDER.flatMap((state) => keys.filter((key) => key.state === state));
    return {
      kind: "show",
      title: say(language, "menu.keys"),
      body: html`<p>${say(language, "keys.help")}</p>
<p class="actions">${request.offers("keys rotate") ? [buttonTo(request, "/commands/keys.rotate", say(language, "keys.rotate"), "rotate"), buttonTo(request, "/commands/keys.rotate?leaked=true", say(language, "keys.leaked"), "leaked", "small danger")] : []}</p>
<ol class="timeline">${inOrder.map((key) => item(request, key))}</ol>`,
    };
  },
};

const ORDER = ["next", "pending", "current", "retired"] as const;

interface Key {
  readonly kid: string;
  readonly alg: string;
  readonly state: (typeof ORDER)[number];
  readonly published_at: string | Date;
  readonly active_from: string | Date | null;
  readonly removable_from?: string | Date | null;
}

function item(request: ConsoleRequest, { kid, alg, state, published_at, active_from, removable_from }: Key): Html {
  const { language, now } = request;
  const instant = (date: string | Date) => minuteOf(language, new Date(date));
  const active =
    active_from === null
      ? undefined
      : html`<li>${say(language, new Date(active_from).getTime() > now ? "keys.signs.from" : "keys.signs.since", { time: instant(active_from) })}</li>`;
  const age = spanText(language, (now - new Date(published_at).getTime()) / 1000);
  const until =
    removable_from === null || removable_from === undefined
      ? undefined
      : html`<li>${say(language, "keys.removable", { time: instant(removable_from) })}</li>`;
  const isRemovable = state === "retired" && request.offers("keys remove");
  const remove = `/commands/keys.remove?${new URLSearchParams({ kid })}`;
  return html`<li class="${state}"><h2>${isolated(alg)} ${tag(say(language, `keys.${state}`), false)}</h2>
<ul>
<li>${say(language, "keys.published", { time: instant(published_at), age })}</li>
${active}
${until}
<li><code>${isolated(kid, { maxLength: 255 })}</code></li>
</ul>
${isRemovable ? buttonTo(request, remove, say(language, "keys.remove"), `remove-${kid}`, "small danger") : undefined}</li>`;
}
