import { Html, escape } from "./html.js";
import type { Language, TextTable } from "./language.js";
import { ACCOUNT_TEXTS } from "./texts/account.js";
import { DEVICE_TEXTS } from "./texts/device.js";
import { ERROR_TEXTS } from "./texts/errors.js";
import { REASON_TEXTS } from "./texts/reasons.js";
import { SCOPE_TEXTS } from "./texts/scopes.js";
import { SIGN_IN_TEXTS } from "./texts/sign-in.js";

/** Every text that people read, in every language. A row that lacks a language does not compile. `{name}` is a slot. */
export const TEXTS = {
  ...SIGN_IN_TEXTS,
  ...ACCOUNT_TEXTS,
  ...DEVICE_TEXTS,
  ...REASON_TEXTS,
  ...ERROR_TEXTS,
  ...SCOPE_TEXTS,
};

export type TextName = keyof typeof TEXTS;

/** The slots of a text. */
type SlotsIn<Text extends string> = Text extends `${string}{${infer Slot}}${infer Rest}` ? Slot | SlotsIn<Rest> : never;
type SlotArguments<Text extends string> = [SlotsIn<Text>] extends [never]
  ? []
  : [slots: Readonly<Record<SlotsIn<Text>, Html>>];

/** Says the texts of a table, with their slots filled. */
export function speakerOf<Table extends TextTable>(table: Table) {
  return function say<Name extends keyof Table & string>(
    language: Language,
    name: Name,
    ...[slots]: SlotArguments<Table[Name]["en"]>
  ): Html {
    const filled: Readonly<Record<string, Html>> = slots ?? {};
    const text = escape(table[name]![language]);
    return new Html(text.replace(/\{(\w+)\}/g, (slot, key: string) => filled[key]?.toString() ?? slot));
  };
}

/** A text of the table with its slots filled. */
export const say = speakerOf(TEXTS);

/**
 * The description of a scope for people. That of a built-in scope is translated, unless the operator changed it.
 * @returns undefined if the scope has no description
 */
export function describeScope(language: Language, name: string, description: string | null): string | undefined {
  const ours = Object.hasOwn(TEXTS, `scope.${name}`) ? TEXTS[`scope.${name}` as TextName] : undefined;
  if (ours !== undefined && (description === null || description === ours.en)) return ours[language];
  return description ?? undefined;
}
