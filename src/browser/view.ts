import type { AuditFacts } from "../http/decision.js";
import type { Form } from "../http/form.js";
import type { AnswerTarget } from "./authorize/target.js";

/** What a browser sends and what it gets, as data. src/pages reads the one from HTTP and writes the other as HTML. */

/** The languages of the pages; the first is the default. */
export const UI_LOCALES = ["en", "de"] as const;

/** A request, with nothing of HTTP left in it. */
export interface BrowserRequest {
  /** The query of a GET, the body of a POST. */
  readonly form: Form;
  readonly posted: boolean;
  /** The parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly visit: Visit;
  /** The audit record of this request. */
  readonly facts: AuditFacts;
}

/** What a browser sends with every request. */
export interface Visit {
  /** The values of its cookies. */
  readonly session: string | undefined;
  readonly browser: string | undefined;
  readonly known: string | undefined;
  /** Its network, as rate limits count it (http/network.ts). */
  readonly network: string;
}

/** What the browser is shown, or where it is sent. */
export type BrowserAnswer = AnswerKind & {
  /** Cookies to set; null removes one. */
  readonly cookies?:
    | { readonly session?: string | null; readonly browser?: string | undefined; readonly known?: string | undefined }
    | undefined;
};

type AnswerKind =
  | { readonly kind: "show"; readonly view: View }
  | { readonly kind: "icon" }
  /** A redirect to a path below the issuer. */
  | { readonly kind: "go"; readonly path: string }
  /** A redirect to a registered address of a client. */
  | { readonly kind: "leave"; readonly uri: string }
  /** An authorization response, in the response mode that the client asked for. */
  | { readonly kind: "answer"; readonly to: AnswerTarget; readonly parameters: Readonly<Record<string, string>> };

/** The members of each page, by its name. The file of a step adds the pages that it shows. */
export interface Views {}

/** A page as data. */
export type View = { [Name in keyof Views]: Views[Name] & { readonly page: Name } }[keyof Views];

/** The members that every page has. */
export interface PageView {
  /** The languages that the request asked for, best first (OpenID Connect Core section 3.1.2.1). */
  readonly uiLocales?: string | undefined;
}

/** The members of every page with a form. */
export interface FormView extends PageView {
  /** The path that the form is sent to. */
  readonly action: string;
  /** The token that ties the form to its browser. */
  readonly csrf: string;
  /** Addresses that the answer to the form may lead to, the intended one first. */
  readonly leadsTo: readonly string[];
}
