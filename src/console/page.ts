import type { Parameters } from "../http/form.js";
import type { ServerState } from "../metrics/metrics.js";
import type { Html } from "../pages/html.js";
import type { Language } from "../pages/language.js";
import type { Administrator } from "./administrator.js";
import type { MenuText } from "./texts.js";

/** A page of the console: one file, and one row of the table in pages.ts. */
export interface ConsolePage {
  /** Below the console. A segment that begins with a colon is a parameter. */
  readonly path: string;
  /** Its name in the navigation, if it is there. */
  readonly menu?: MenuText;
  /** The command whose result it shows: who may not run it does not find the page in the navigation. */
  readonly needs?: string;
  readonly show: (request: ConsoleRequest) => Promise<ConsoleAnswer>;
  /** Answers a form of the page. */
  readonly act?: (request: ConsoleRequest) => Promise<ConsoleAnswer>;
}

/** A request to a page, with nothing of HTTP left in it. */
export interface ConsoleRequest {
  readonly language: Language;
  /** The path of the console, before every link. */
  readonly base: string;
  /** The parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
  /** The query, or the form that was sent. */
  readonly sent: Parameters;
  readonly administrator: Administrator;
  /** Whether the person logged in a short time ago, so that they may change something. */
  readonly isFresh: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Whether this person may run a command. */
  readonly offers: (command: string) => boolean;
  /**
   * Runs a command of the table as this person.
   * @param ifMatch the version that the person saw
   * @throws OperatorError if it refuses
   */
  readonly run: (name: string, input: Readonly<Record<string, unknown>>, ifMatch?: string) => Promise<unknown>;
  /** The state of all processes of this server. */
  readonly state: () => Promise<ServerState>;
  /** The token of the forms that are sent to a path of the console. */
  readonly csrf: (path: string) => string;
  /** Values of a form that waited for a login. */
  readonly waiting: (id: string) => Promise<unknown>;
}

/** What the browser is shown, or where it is sent. Paths are below the console. */
export type ConsoleAnswer =
  | ({ readonly kind: "show" } & ConsoleView)
  | { readonly kind: "go"; readonly path: string }
  /** A new login first. The values are kept, and `back` is shown with the id of them. */
  | { readonly kind: "log in"; readonly back: string; readonly keep?: object };

/** A page, without what surrounds it. */
export interface ConsoleView {
  readonly title: Html;
  readonly body: Html;
  /** 200 by default. */
  readonly status?: number;
  /** Whether the page shows progress, so that it is loaded again by itself. */
  readonly progresses?: boolean | undefined;
}
