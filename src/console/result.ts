import { html, isolated, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";
import { minuteOf } from "../pages/time.js";
import { say } from "./texts.js";

/** The result of a command as it is shown: lists as tables, objects as lists of facts, and links to what has a page. */

interface ResultContext {
  readonly language: Language;
  readonly base: string;
  /** Members that are shown once, so that they can be copied. */
  readonly secrets?: ReadonlySet<string>;
}

/** Members whose values have a page of their own, with its path. */
const PAGES_OF: Readonly<Record<string, string>> = {
  sub: "/people/",
  client_id: "/clients/",
  job_id: "/jobs/",
  grant_id: "/commands/grant.show?grant_id=",
  sid: "/commands/session.show?sid=",
};

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/** Longest text that is shown whole. */
const MAX_LENGTH = 4_096;

type Facts = Readonly<Record<string, unknown>>;

/** Any result. */
export function resultMarkup(context: ResultContext, value: unknown): Html {
  if (!Array.isArray(value))
    return isFacts(value) ? factsMarkup(context, value) : html`<p>${valueMarkup(context, "", value)}</p>`;
  if (value.length === 0) return html`<p>${say(context.language, "list.none")}</p>`;
  if (value.every(isFacts)) return tableMarkup(context, value);
  return html`<ul>${value.map((one) => html`<li>${valueMarkup(context, "", one)}</li>`)}</ul>`;
}

/** @param cells adds a last cell to each row */
function tableMarkup(context: ResultContext, rows: readonly Facts[], cells?: (row: Facts) => Html): Html {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const head = columns.map((name) => html`<th scope="col">${headingOf(name)}</th>`);
  const last = cells === undefined ? undefined : html`<td></td>`;
  const body = rows.map((row) => {
    const shown = columns.map((name) => html`<td>${valueMarkup(context, name, row[name])}</td>`);
    return html`<tr>${shown}${cells === undefined ? undefined : html`<td>${cells(row)}</td>`}</tr>`;
  });
  return html`<div class="table" role="region" tabindex="0" aria-label="${say(context.language, "table")}"><table>
<thead><tr>${head}${last}</tr></thead>
<tbody>
${body}
</tbody></table></div>`;
}

export function factsMarkup(context: ResultContext, facts: Facts): Html {
  const shown = Object.entries(facts).filter(([, value]) => value !== null && value !== undefined);
  const items = shown.map(([name, value]) => {
    const isSecret = context.secrets?.has(name) === true && typeof value === "string";
    return html`<dt>${headingOf(name)}</dt><dd>${isSecret ? secretMarkup(context.language, name, value) : valueMarkup(context, name, value)}</dd>`;
  });
  return html`<dl class="facts">${items}</dl>`;
}

/** A secret, once, with a button that copies it where scripts run. */
function secretMarkup(language: Language, name: string, value: string): Html {
  const id = `secret-${name}`;
  return html`<div class="secret"><input type="text" readonly id="${id}" value="${value}" aria-label="${name}" spellcheck="false" autocomplete="off">
<button class="button small" type="button" hidden data-copies="${id}" data-done="${say(language, "secret.copied")}">${say(language, "secret.copy")}</button></div>
<p class="help">${say(language, "secret.once")}</p>`;
}

function headingOf(name: string): Html {
  return html`<code>${name}</code>`;
}

/** A value of a result, by the name of its member. */
export function valueMarkup(context: ResultContext, name: string, value: unknown): Html {
  const { language, base } = context;
  if (value === null || value === undefined || value === "") return html`—`;
  if (typeof value === "boolean") return say(language, value ? "field.yes" : "field.no");
  if (value instanceof Date) return minuteOf(language, value);
  if (Array.isArray(value)) return listMarkup(context, name, value);
  if (isFacts(value)) return factsMarkup(context, value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (INSTANT.test(text)) return minuteOf(language, new Date(text));
  const shown = isolated(text, { maxLength: MAX_LENGTH });
  const page = Object.hasOwn(PAGES_OF, name) ? PAGES_OF[name] : undefined;
  return page === undefined
    ? shown
    : html`<a href="${base}${page}${encodeURIComponent(text.toWellFormed())}">${shown}</a>`;
}

function listMarkup(context: ResultContext, name: string, values: readonly unknown[]): Html {
  if (values.length === 0) return html`—`;
  if (values.every(isFacts)) return tableMarkup(context, values);
  const items = values.map((one) => html`<li>${valueMarkup(context, name, one)}</li>`);
  return html`<ul class="values">${items}</ul>`;
}

function isFacts(value: unknown): value is Facts {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
