import { speakerOf } from "../pages/texts.js";
import { DECISION_TEXTS } from "./texts/decisions.js";
import { FRAME_TEXTS } from "./texts/frame.js";
import { START_TEXTS } from "./texts/start.js";
import { PAGE_TEXTS } from "./texts/pages.js";
import { PEOPLE_TEXTS } from "./texts/people.js";

/** Every text of the console, in every language. What commands say of themselves is English (texts/commands.ts translates it). */
export const CONSOLE_TEXTS = { ...FRAME_TEXTS, ...START_TEXTS, ...PAGE_TEXTS, ...PEOPLE_TEXTS, ...DECISION_TEXTS };

export type ConsoleText = keyof typeof CONSOLE_TEXTS;

/** The names of pages in the navigation. */
export type MenuText = Extract<ConsoleText, `menu.${string}`>;

/** A text of the console with its slots filled. */
export const say = speakerOf(CONSOLE_TEXTS);
