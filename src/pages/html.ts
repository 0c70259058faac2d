/**
 * What people see in their browser: state in, page out. The pages know no request, no store and no dialect; whoever calls
 * them has decided already. This file is the one place where text becomes markup.
 */

/** Markup that may be sent as it is: only `html` makes it from text, and escapes what it is given. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

type Value = string | Html | readonly Html[] | undefined;

// CR and LF as well: a parser would make one of the other, and a hidden value has to come back as it was sent
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\r": "&#13;",
  "\n": "&#10;",
};

/** Text as it must stand in an element or in a quoted attribute. */
export function escape(text: string): string {
  return text.replace(/[&<>"'\r\n]/g, (character) => ENTITIES[character] ?? "");
}

/** Markup with values in it. Text is escaped, markup stays, undefined is nothing; attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(strings.reduce((written, string, at) => written + render(values[at - 1]) + string));
}

function render(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escape(value);
  return value instanceof Html ? value.toString() : value.join("\n");
}

/** The markup of something that need not be there. */
export function when<T>(value: T | undefined, write: (value: T) => Html): Html | undefined {
  return value === undefined ? undefined : write(value);
}

interface Shown {
  /** What stands there if nothing of the text can be seen. */
  readonly otherwise?: string;
  /** More characters than this are cut: a name must not push what is asked, or the buttons, out of sight. */
  readonly maxLength?: number;
}

/**
 * Text that somebody else wrote, as markup: kept from turning the direction of the sentence around it, without control and
 * invisible characters (those that join letters in some scripts stay), and of bounded length.
 */
export function isolated(text: string, { otherwise = "", maxLength = 80 }: Shown = {}): Html {
  return html`<bdi>${visible(text, maxLength) || visible(otherwise, maxLength)}</bdi>`;
}

function visible(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/(?![\u200c\u200d])\p{Cf}/gu, "")
    .trim();
}

/** Whether an address may stand in a link: http(s) or a path of ours. Nothing that runs, no other host behind `//`. */
export function isLink(address: string): boolean {
  return /^(?:https?:\/\/|\/(?![/\\]))[^\s\\\p{Cc}]*$/iu.test(address);
}
