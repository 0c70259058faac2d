import type { Scope } from "../clients/registry.js";
import type { AppLink } from "../errors/refusal.js";
import type { Explanation } from "../uma/explain.js";
import type { AnswerTarget } from "./authorize/request.js";

/** The languages of the pages. */
export const UI_LOCALES = ["en", "de"] as const;

/** What a browser is shown or where it is sent, before anybody writes HTML. */
export type BrowserAnswer = BrowserStep & {
  /** Cookies to set; null removes one. */
  readonly cookies?: { readonly session?: string | null; readonly browser?: string; readonly known?: string };
};

type BrowserStep =
  | { readonly kind: "show"; readonly view: View }
  /** A path of our own. */
  | { readonly kind: "go"; readonly path: string }
  /** An address of a client that is known to be its own, with nothing added. */
  | { readonly kind: "leave"; readonly uri: string }
  /** An answer to a client, in the way it asked for. */
  | { readonly kind: "answer"; readonly to: AnswerTarget; readonly parameters: Readonly<Record<string, string>> };

/** A page as data; src/pages turns it into HTML. */
export type View =
  | (FormView & {
      readonly page: "login";
      readonly clientName?: string;
      readonly username?: string;
      /** Why the form is shown again. */
      readonly failed?: "wrong";
      readonly selectAccount: boolean;
    })
  | (FormView & {
      readonly page: "consent";
      readonly clientId: string;
      readonly clientName: string;
      readonly userName: string;
      readonly scopes: readonly Scope[];
      /** Whether the person will be asked again next time. */
      readonly remembered: boolean;
    })
  | (FormView & {
      readonly page: "logout";
      readonly clientName?: string;
      readonly userName?: string;
      /** What the form brings back. */
      readonly hidden: Readonly<Record<string, string>>;
    })
  | { readonly page: "logged_out"; readonly uiLocales?: string; readonly app?: AppLink }
  | { readonly page: "home"; readonly host: string }
  | (FormView & {
      readonly page: "account";
      readonly userName: string;
      readonly consents: readonly {
        readonly clientId: string;
        readonly clientName: string;
        /** Where its own pages begin, if it has any. */
        readonly home?: string | undefined;
        readonly scopes: readonly Scope[];
        readonly since: Date;
      }[];
    })
  | (FormView & {
      readonly page: "sharing";
      readonly userName: string;
      readonly questions: readonly SharedQuestion[];
      /** The page with older questions, where there are some. */
      readonly older?: number;
      /** How long an approval may last, in the order they are offered. */
      readonly lifetimes: readonly string[];
      readonly decisions: readonly Explanation[];
    });

/** What an owner was asked, and what they said. */
export interface SharedQuestion {
  readonly resource_id: string;
  readonly resource: string;
  readonly client_id: string;
  readonly client: string;
  readonly party: string;
  /** The login name of the person who asks; a client may ask for itself. */
  readonly person: string | undefined;
  readonly scopes: readonly string[];
  readonly state: "pending" | "approved" | "denied";
  readonly since: Date;
  readonly until: Date | undefined;
}

/** What every form has. */
interface FormView {
  /** The path it is sent to. */
  readonly action: string;
  /** Ties the form to its browser. */
  readonly csrf: string;
  /** Addresses its answer may lead to, the first of them the one that is meant. */
  readonly leadsTo: readonly string[];
  readonly uiLocales?: string;
}

/** What a browser brought besides the request itself. */
export interface Visit {
  /** Values of its cookies. */
  readonly session: string | undefined;
  readonly browser: string | undefined;
  readonly known: string | undefined;
  /** Where it is, as limits count it (http/network.ts). */
  readonly network: string;
}
