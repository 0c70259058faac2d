import { hidden } from "../../pages/form.js";
import { html, isolated, when, type Html } from "../../pages/html.js";
import { addressOf } from "../commands.js";
import { numberText } from "../figures.js";
import { buttonTo, type Page } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { resultMarkup } from "../result.js";
import { say } from "../texts.js";
import { nameOf, type ShownUser } from "./person.js";

/** The second click of "end everything": it says what ends, and ends it. */

/** Whose everything it is. */
interface Whose {
  /** The member of `revoke` and of the filters that names it. */
  readonly member: "user" | "client";
  readonly id: string;
  readonly name: Html;
  /** The page of it, below the console. */
  readonly page: string;
}

function endingPage(path: string, whoseOf: (request: ConsoleRequest) => Promise<Whose>): ConsolePage {
  return {
    path,
    async show(request) {
      const whose = await whoseOf(request);
      if (!request.isFresh) return { kind: "log in", back: `${whose.page}/end` };
      return { kind: "show", ...(await question(request, whose)) };
    },
    async act(request) {
      const whose = await whoseOf(request);
      if (!request.isFresh) return { kind: "log in", back: `${whose.page}/end` };
      const result = await request.run("revoke", { [whose.member]: whose.id });
      return { kind: "show", ...answer(request, whose, result) };
    },
  };
}

export const endPersonPage = endingPage("/people/:sub/end", async ({ path, run }) => {
  const shown = (await run("user show", { user: path.sub! })) as ShownUser;
  const page = `/people/${encodeURIComponent(shown.sub)}`;
  return { member: "user", id: shown.sub, name: isolated(nameOf(shown), { otherwise: shown.sub }), page };
});

export const endClientPage = endingPage("/clients/:client_id/end", async ({ path, run }) => {
  const { client_id: id, client_name } = (await run("client show", { client_id: path.client_id! })) as {
    readonly client_id: string;
    readonly client_name?: string;
  };
  const page = `/clients/${encodeURIComponent(id)}`;
  return { member: "client", id, name: isolated(client_name ?? id, { otherwise: id }), page };
});

async function question(request: ConsoleRequest, whose: Whose) {
  const { language, base, csrf } = request;
  const { member, name, page } = whose;
  const path = `${page}/end`;
  const counts = [await grantCount(request, whose), await sessionCount(request, whose)];
  return {
    title: say(language, `end.${member}.title`, { name }),
    body: html`<p>${say(language, `end.${member}.help`, { name })}</p>
<ul class="counts" id="counts">${counts.map((one) => when(one, (text) => html`<li>${text}</li>`) ?? html``)}</ul>
<form class="wide" id="end" method="post" action="${base}${path}">
${hidden("csrf", csrf(path), "csrf")}
<div class="actions">
<button class="button danger" type="submit" id="confirm">${say(language, "end.submit")}</button>
${buttonTo(request, page, say(language, "end.back"), "back", "")}
</div>
</form>`,
  };
}

/** The number of grants that end: with each of them all its tokens. */
async function grantCount({ language, run, offers }: ConsoleRequest, { member, id }: Whose): Promise<Html | undefined> {
  if (!offers("grant count")) return undefined;
  const { grants, at_least } = (await run("grant count", { [member]: id })) as {
    readonly grants: number;
    readonly at_least: boolean;
  };
  return say(language, at_least ? "end.grants.least" : "end.grants", { count: numberText(language, grants) });
}

/** Sessions that are counted. */
const MAX_SESSIONS = 100;

async function sessionCount(
  { language, run, offers }: ConsoleRequest,
  { member, id }: Whose,
): Promise<Html | undefined> {
  if (member !== "user" || !offers("session list")) return undefined;
  const found = (await run("session list", { user: id, limit: MAX_SESSIONS })) as Page<{ readonly state: string }>;
  const live = found.items.filter(({ state }) => state === "in_force").length;
  return say(language, found.next === undefined ? "end.sessions" : "end.sessions.least", {
    count: numberText(language, live),
  });
}

/** What was ended, and what may be wise next. */
function answer(request: ConsoleRequest, { member, id, name, page }: Whose, result: unknown) {
  const { language, base, offers } = request;
  const next =
    member === "user" && offers("user passwd")
      ? [buttonTo(request, addressOf("user passwd", { user: id }), say(language, "person.password"), "password", "")]
      : [];
  return {
    title: say(language, "end.done", { name }),
    body: html`<p class="sentence" role="status" id="done">${say(language, `end.${member}.done`, { name })}</p>
${resultMarkup({ language, base }, result)}
<p class="actions">${[...next, buttonTo(request, page, say(language, "end.back"), "back", "")]}</p>`,
  };
}
