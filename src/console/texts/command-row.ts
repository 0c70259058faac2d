/** What a command is called on its page, and what it does in German. */
export interface CommandText {
  /** The title of the page, and the text of its button. */
  readonly en: string;
  readonly de: string;
  /** What the command does, in German. In English it says so itself. */
  readonly does: string;
}

export function row(en: string, de: string, does: string): CommandText {
  return { en, de, does };
}
