import { changeAccount, showAccount } from "./account.js";
import { enterDevice, showDevice } from "./device.js";
import { gatherClaims } from "./gather-claims.js";
import { logOut } from "./logout.js";
import {
  ACCOUNT_PATH,
  CLAIMS_PATH,
  DEVICE_PATH,
  HOME_PATH,
  ICON_PATH,
  INTERACTION_PATH,
  LOGOUT_PATH,
  SHARING_PATH,
} from "./paths.js";
import { changeSharing, showSharing } from "./sharing.js";
import type { Step } from "./step.js";
import type { BrowserAnswer } from "./view.js";

/**
 * The room of what a person's browser asks, and its one table of routes. src/pages serves the table, and
 * src/dialects/not-found.ts reads from it which methods a path has.
 *
 * A new page takes four files and its texts:
 * 1. src/browser/<page>.ts: the step that decides, and the page's members (`interface Views`);
 * 2. this file: its row;
 * 3. src/pages/<page>.ts: its HTML;
 * 4. src/pages/render.ts: its line.
 * The texts are rows of src/pages/texts.
 */

/** A path whose steps decide something. Each request leaves a log line under the name of the operation. */
export interface StepRoute {
  /** A segment that begins with a colon is a parameter. */
  readonly path: string;
  readonly operation: string;
  /** The dialect that the path belongs to, if it belongs to one. */
  readonly dialect?: string;
  /** The step for each method. */
  readonly steps: Readonly<Partial<Record<"GET" | "POST", Step>>>;
  /** Set where a page of another origin may post a form; anywhere else such a form is refused. */
  readonly takesForeignForms?: true;
}

/** A path with one answer to every GET. Nothing is decided, and nothing is logged. */
export interface FixedRoute {
  readonly path: string;
  readonly answer: BrowserAnswer;
  /** Set where only a browser that accepts HTML gets the answer. Any other client gets a 404. */
  readonly onlyForPeople?: true;
}

export type BrowserRoute = StepRoute | FixedRoute;

/** A dialect, as far as browsers are concerned. */
interface BrowserDialect {
  readonly name: string;
  /** Its authorization endpoint, if it has one. */
  readonly authorize?: string | undefined;
}

/** Paths that people type, with the page that they mean. */
const ALIASES: Readonly<Record<string, string>> = {
  "/login": ACCOUNT_PATH,
  "/login/": ACCOUNT_PATH,
  "/account/": ACCOUNT_PATH,
  "/account/sharing/": SHARING_PATH,
  "/device/": DEVICE_PATH,
  "/logout": LOGOUT_PATH,
  "/logout/": LOGOUT_PATH,
};

const ROUTES: readonly BrowserRoute[] = [
  {
    path: `${INTERACTION_PATH}/:id`,
    operation: "interaction",
    steps: {
      GET: ({ authorization }, request) => authorization.resume(request),
      POST: ({ authorization }, request) => authorization.act(request),
    },
  },
  { path: ACCOUNT_PATH, operation: "account", steps: { GET: showAccount, POST: changeAccount } },
  { path: SHARING_PATH, operation: "sharing", steps: { GET: showSharing, POST: changeSharing } },
  { path: DEVICE_PATH, operation: "device", steps: { GET: showDevice, POST: enterDevice } },
  { path: CLAIMS_PATH, operation: "claims", steps: { GET: gatherClaims } },
  { path: LOGOUT_PATH, operation: "logout", steps: { GET: logOut, POST: logOut }, takesForeignForms: true },
  { path: HOME_PATH, answer: { kind: "show", view: { page: "home" } }, onlyForPeople: true },
  { path: ICON_PATH, answer: { kind: "icon" } },
  ...Object.entries(ALIASES).map(([path, target]): FixedRoute => ({ path, answer: { kind: "go", path: target } })),
];

/** Every route that browsers use, with the authorization endpoints of these dialects. */
export function browserRoutes(dialects: readonly BrowserDialect[]): readonly BrowserRoute[] {
  return [...dialects.flatMap(authorizeRoute), ...ROUTES];
}

/** The methods of a route that a request with another one is told; none for a path that a client must not notice. */
export function methodsOf(route: BrowserRoute): readonly string[] {
  if ("steps" in route) return Object.keys(route.steps);
  return route.onlyForPeople === true ? [] : ["GET"];
}

function authorizeRoute({ name, authorize: path }: BrowserDialect): readonly StepRoute[] {
  if (path === undefined) return [];
  const start: Step = ({ authorization }, request) => authorization.start(request, { dialect: name, path });
  return [{ path, operation: "authorize", dialect: name, steps: { GET: start, POST: start }, takesForeignForms: true }];
}

declare module "./view.js" {
  interface Views {
    home: PageView;
  }
}
