import { html, isolated, type Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";
import type { ConsoleRequest } from "./page.js";
import { say, type ConsoleText } from "./texts.js";

/** A page of a list, as a command returns it. */
export interface Page<Row> {
  readonly items: readonly Row[];
  readonly next?: string | undefined;
}

/** A column of a table. */
export interface Column<Row> {
  /** Undefined for a column of buttons. */
  readonly heading: Html | undefined;
  readonly cell: (row: Row) => Html | undefined;
}

/** A table whose rows are stacked where it is too wide. The roles keep it a table for a screen reader. @param label says what it lists */
export function table<Row>(
  language: Language,
  label: Html,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
): Html {
  if (rows.length === 0) return html`<p>${say(language, "list.none")}</p>`;
  const head = columns.map(({ heading }) =>
    heading === undefined ? html`<td></td>` : html`<th scope="col" role="columnheader">${heading}</th>`,
  );
  const body = rows.map(
    (row) =>
      html`<tr role="row">${columns.map(({ heading, cell }) => html`<td role="cell"${labelled(heading)}>${cell(row)}</td>`)}</tr>`,
  );
  return html`<div class="table rows"><table role="table" aria-label="${label}">
<thead role="rowgroup"><tr role="row">${head}</tr></thead>
<tbody role="rowgroup">
${body}
</tbody></table></div>`;
}

/** The heading of a cell, beside it where rows are stacked. Headings are texts of ours, without markup. */
function labelled(heading: Html | undefined): Html | undefined {
  return heading && html` data-label="${heading}"`;
}

/** A link to a page of the console that looks like a button. @param kind a class of the style */
export function buttonTo(
  { base }: Pick<ConsoleRequest, "base">,
  path: string,
  text: Html,
  id: string,
  kind = "small",
): Html {
  return html`<a class="button ${kind}" id="${id}" href="${base}${path}">${text}</a>`;
}

/** A link to the page of something that an id names; nothing without an id. @param path of the page, before the id */
export function linkTo({ base }: Pick<ConsoleRequest, "base">, path: string, id: string | undefined): Html | undefined {
  if (id === undefined) return undefined;
  return html`<a href="${base}${path}${encodeURIComponent(id.toWellFormed())}">${isolated(id, { maxLength: 255 })}</a>`;
}

/** The link to the next page of a list, if there is one. */
export function nextLink(
  request: Pick<ConsoleRequest, "base" | "language">,
  address: string,
  next: string | undefined,
): Html | undefined {
  if (next === undefined) return undefined;
  const joined = `${address}${address.includes("?") ? "&" : "?"}${new URLSearchParams({ cursor: next })}`;
  return html`<p>${buttonTo(request, joined, say(request.language, "list.next"), "next")}</p>`;
}

/** A word about a state, set apart. */
export function tag(text: Html, isBad: boolean): Html {
  return html`<span class="tag${isBad ? " bad" : ""}">${text}</span>`;
}

/** A list of terms, each with its value. Terms without a value are left out. */
export function facts(language: Language, items: readonly (readonly [ConsoleText, Html | undefined])[]): Html {
  const plain = say as (language: Language, name: ConsoleText) => Html;
  const shown = items.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<dt>${plain(language, name)}</dt><dd>${value}</dd>`)}</dl>`;
}
