/** Text becomes markup in this file and nowhere else. */

/** Markup that may be sent as it is. Only `html` makes it from text, and escapes the text. */
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

// CR and LF are escaped because a parser normalises them, and a hidden value must come back unchanged.
const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\r": "&#13;",
  "\n": "&#10;",
};

/** Escapes text for an element or a quoted attribute. */
export function escape(text: string): string {
  return text.replace(/[&<>"'\r\n]/g, (character) => ENTITIES[character] ?? "");
}

/** Markup with values in it: text is escaped, markup is kept, undefined is left out. Attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(strings.reduce((written, string, at) => written + render(values[at - 1]) + string));
}

function render(value: Value): string {
  if (value === undefined) return "";
  if (typeof value === "string") return escape(value);
  return value instanceof Html ? value.toString() : value.join("\n");
}

/** The markup of an optional value. */
export function when<T>(value: T | undefined, write: (value: T) => Html): Html | undefined {
  return value === undefined ? undefined : write(value);
}

interface IsolateOptions {
  /** Replaces a text that has no visible character. */
  readonly otherwise?: string;
  /** Further characters are cut, so that a long name cannot push the question or the buttons out of sight. */
  readonly maxLength?: number;
}

/**
 * Foreign text as markup. It is isolated, so that it cannot change the writing direction of the sentence around it. Its
 * length is limited, and control and invisible characters are dropped, except those that join letters in some scripts.
 */
export function isolated(text: string, { otherwise = "", maxLength = 80 }: IsolateOptions = {}): Html {
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

/** Whether a link may lead to an address: http(s) or a path of ours. It refuses script schemes and `//host`. */
export function isLink(address: string): boolean {
  return /^(?:https?:\/\/|\/(?![/\\]))[^\s\\\p{Cc}]*$/iu.test(address);
}
