import { ACCOUNT_PATH, SHARING_PATH } from "../browser/paths.js";
import type { Views } from "../browser/view.js";
import type { Explanation } from "../uma/explain.js";
import { hidden } from "./form.js";
import { html, isolated, when, type Html } from "./html.js";
import type { Language } from "./language.js";
import { pageOf, type Frame, type Page } from "./layout.js";
import { obstacleSentence, ruleSentence } from "./reasons.js";
import { say, type TextName } from "./texts.js";
import { minuteOf } from "./time.js";

type SharingView = Views["sharing"];
type SharedQuestion = SharingView["questions"][number];

/** Shows an owner the requests for their resources, the answers they gave, and the latest decisions. */
export function sharingPage(view: SharingView, frame: Frame): Page {
  const { language, base } = frame;
  const { questions, decisions, older } = view;
  const pending = questions.filter(({ state }) => state === "pending");
  const answered = questions.filter(({ state }) => state !== "pending");
  const forms = (list: readonly SharedQuestion[], name: string) =>
    list.map((one, index) => questionForm(view, frame, one, `${name}-${index + 1}`));
  const outcomes = decisions.map((one) => decisionOf(language, one));
  return pageOf({
    language,
    title: say(language, "sharing.title"),
    body: html`<p>${say(language, "logout.user", { user: isolated(view.userName) })}</p>
<h2>${say(language, "sharing.pending")}</h2>
${listOr(language, "sharing.pending.none", forms(pending, "pending"))}
<h2>${say(language, "sharing.answered")}</h2>
${listOr(language, "sharing.answered.none", forms(answered, "answered"))}
${when(older, (page) => olderLink(language, `${base}${SHARING_PATH}?page=${page}`))}
<h2>${say(language, "sharing.decisions")}</h2>
${listOr(language, "sharing.decisions.none", outcomes)}
<p class="actions"><a class="button" id="account" href="${base}${ACCOUNT_PATH}">${say(language, "account.title")}</a></p>`,
  });
}

function olderLink(language: Language, address: string): Html {
  return html`<p><a href="${address}">${say(language, "sharing.older")}</a></p>`;
}

type PlainText = "sharing.pending.none" | "sharing.answered.none" | "sharing.decisions.none";

function listOr(language: Language, none: PlainText, items: readonly Html[]): Html | readonly Html[] {
  return items.length === 0 ? html`<p>${say(language, none)}</p>` : items;
}

/** The form of one question. It sends the scopes that it shows, so that the answer covers no scope requested later. */
function questionForm(view: SharingView, { language, base }: Frame, question: SharedQuestion, id: string): Html {
  const { action, csrf, lifetimes } = view;
  const { resource_id, client_id, party, scopes, state, since } = question;
  return html`<form class="app plain" id="${id}" method="post" action="${base}${action}">
${Object.entries({ csrf, resource_id, client_id, party, scope: scopes.join(" ") }).map(([name, value]) =>
  hidden(name, value, `${name}-${id}`),
)}
<h3 id="title-${id}">${sentence(language, question)}</h3>
<ul>
${scopes.map((one) => html`<li><code>${isolated(one)}</code></li>`)}
</ul>
<p class="quiet">${say(language, "account.since", { date: minuteOf(language, since) })}</p>
${when(state === "pending" ? undefined : question, (one) => html`<p class="quiet">${stateOf(language, one)}</p>`)}
${state === "pending" ? lifetimeField(language, lifetimes, id) : undefined}
<div class="actions">
${state === "pending" ? [button("approve", id, say(language, "sharing.approve")), button("deny", id, say(language, "sharing.deny"))] : button("withdraw", id, say(language, "sharing.withdraw"))}
</div>
</form>`;
}

function button(value: string, id: string, text: Html): Html {
  return html`<button class="button" type="submit" name="action" id="${value}-${id}" value="${value}"
 aria-describedby="title-${id}">${text}</button>`;
}

function sentence(language: Language, { person, client, client_id, resource, resource_id }: SharedQuestion): Html {
  const slots = {
    client: isolated(client, { otherwise: client_id }),
    resource: isolated(resource, { otherwise: resource_id }),
  };
  return person === undefined
    ? say(language, "sharing.client.asks", slots)
    : say(language, "sharing.asks", { ...slots, person: isolated(person) });
}

function stateOf(language: Language, { state, until }: SharedQuestion): Html {
  if (state === "denied") return say(language, "sharing.denied");
  if (until === undefined) return say(language, "sharing.approved");
  return say(language, "sharing.approved.until", { date: minuteOf(language, until) });
}

function lifetimeField(language: Language, lifetimes: readonly string[], id: string): Html {
  const options = lifetimes.map((one) => html`<option value="${one}">${lifetimeText(language, one)}</option>`);
  return html`<label for="lifetime-${id}">${say(language, "sharing.lifetime")}</label>
<select name="lifetime" id="lifetime-${id}">
${options}
</select>`;
}

const LIFETIME_TEXTS = {
  hour: "sharing.lifetime.hour",
  day: "sharing.lifetime.day",
  month: "sharing.lifetime.month",
  always: "sharing.lifetime.always",
} as const satisfies Record<string, TextName>;

function lifetimeText(language: Language, name: string): Html | string {
  const known = Object.hasOwn(LIFETIME_TEXTS, name) ? LIFETIME_TEXTS[name as keyof typeof LIFETIME_TEXTS] : undefined;
  return known === undefined ? name : say(language, known);
}

/** The outcome of one request for a resource, with its reasons. */
function decisionOf(language: Language, decision: Explanation): Html {
  const { decision_id, decided_at, outcome, client_id, sub, asked, granted, because, rules, untold } = decision;
  const resource = isolated(decision.resource_name ?? "", { otherwise: decision.resource_id });
  const nothing = say(language, "sharing.decision.nothing");
  return html`<dl class="plain">
<dt>${minuteOf(language, decided_at)}</dt>
<dd><strong>${resource}</strong>, ${isolated(sub ?? client_id)} (${isolated(client_id)}): ${outcomeText(language, outcome)}</dd>
<dt>${say(language, "sharing.decision.asked")}</dt>
<dd>${asked.length === 0 ? nothing : isolated(asked.join(" "), { maxLength: MAX_LENGTH })}</dd>
<dt>${say(language, "sharing.decision.granted")}</dt>
<dd>${granted.length === 0 ? nothing : isolated(granted.join(" "), { maxLength: MAX_LENGTH })}</dd>
<dt>${say(language, "sharing.decision.rules")}</dt>
${when(because, (why) => html`<dd>${obstacleSentence(language, why)}</dd>`)}
${rules.map((one) => html`<dd>${ruleSentence(language, one)}</dd>`)}
${when(untold, (count) => html`<dd>${say(language, "sharing.decision.more", { count: html`${String(count)}` })}</dd>`)}
<dt>${say(language, "error.reference")}</dt>
<dd><code>${isolated(decision_id)}</code></dd>
</dl>`;
}

const MAX_LENGTH = 1_000;

const OUTCOME_TEXTS = {
  granted: "sharing.outcome.granted",
  need_info: "sharing.outcome.need_info",
  request_submitted: "sharing.outcome.request_submitted",
  request_denied: "sharing.outcome.request_denied",
} as const satisfies Record<string, TextName>;

function outcomeText(language: Language, name: string): Html {
  const known = Object.hasOwn(OUTCOME_TEXTS, name) ? OUTCOME_TEXTS[name as keyof typeof OUTCOME_TEXTS] : undefined;
  return known === undefined ? isolated(name) : say(language, known);
}
