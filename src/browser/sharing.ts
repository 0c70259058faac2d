import { z } from "zod";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { readParameters } from "../http/parameters.js";
import {
  answerQuestion,
  questionsTo,
  takeBackAnswer,
  type OwnerDecision,
  type Question,
} from "../store/uma-approvals.js";
import { decisionsAbout } from "../store/uma-decisions.js";
import { explain, type Explanation } from "../uma/explain.js";
import { findSender, seeOwner, type OwnPageView } from "./own-page.js";
import { SHARING_PATH } from "./paths.js";
import type { Step } from "./step.js";

/** An owner's page: the requests for their resources, the owner's answers, and the latest decisions. */

/** Rows of each list on one page. */
const MAX_ROWS = { questions: 100, decisions: 20 } as const;

/** The page of the list of questions, from 1. */
const parameters = z.object({
  page: z
    .string()
    .regex(/^[1-9]\d{0,5}$/)
    .default("1"),
});

/** Lifetimes that an owner can choose for an approval, in seconds. Null lasts until the owner withdraws it. */
const LIFETIMES: Readonly<Record<string, number | null>> = {
  hour: 60 * 60,
  day: 24 * 60 * 60,
  month: 30 * 24 * 60 * 60,
  always: null,
};

/** A request for an owner's resource, with the owner's answer if there is one. */
interface SharedQuestion {
  readonly resource_id: string;
  readonly resource: string;
  readonly client_id: string;
  readonly client: string;
  readonly party: string;
  /** The login name of the requesting person; undefined if the client asks for itself. */
  readonly person: string | undefined;
  readonly scopes: readonly string[];
  readonly state: "pending" | "approved" | "denied";
  readonly since: Date;
  readonly until: Date | undefined;
}

declare module "./view.js" {
  interface Views {
    sharing: OwnPageView & {
      readonly questions: readonly SharedQuestion[];
      /** The number of the page with older questions, if there are any. */
      readonly older?: number | undefined;
      /** The names of the lifetimes, in the order of the form. */
      readonly lifetimes: readonly string[];
      readonly decisions: readonly Explanation[];
    };
  }
}

/** Shows the page. A person who is not logged in logs in first. */
export const showSharing: Step = async ({ core, sessions, authorization }, { form, visit, facts }) => {
  const owner = await seeOwner(SHARING_PATH, sessions, visit);
  if (owner === undefined) return authorization.logInFor(SHARING_PATH, visit);
  const { session, frame, cookies } = owner;
  facts.sub = session.sub;
  const page = Number(readParameters(parameters, form.parameters).page);
  const { questions, more } = await questionsOn(page, core, session.sub);
  const decisions = await decisionsAbout(core.db, session.sub, MAX_ROWS.decisions);
  return {
    kind: "show",
    view: {
      page: "sharing",
      ...frame,
      questions,
      older: more ? page + 1 : undefined,
      lifetimes: Object.keys(LIFETIMES),
      decisions: decisions.map(explain),
    },
    cookies,
  };
};

/** The questions on one page, and whether there are more after them. */
async function questionsOn(
  page: number,
  { db, clock }: Core,
  owner: string,
): Promise<{ questions: readonly SharedQuestion[]; more: boolean }> {
  const last = page * MAX_ROWS.questions;
  // The query fetches one extra row to learn whether there are more.
  const places = { after: last - MAX_ROWS.questions, last: last + 1 };
  const found = await questionsTo(db, owner, places, clock.statement());
  const shown = found.filter(({ place }) => place <= last);
  const questions = shown.map(({ resource_id, resource_name, client_id, client_name, party, ...row }) => ({
    ...{ resource_id, client_id, party },
    resource: resource_name ?? resource_id,
    client: client_name ?? client_id,
    person: row.username ?? undefined,
    scopes: row.scopes,
    state: row.state,
    since: row.asked_at,
    until: row.expires_at ?? undefined,
  }));
  return { questions, more: shown.length < found.length };
}

/** Records or withdraws an owner's answer. The next request is decided by it. */
export const changeSharing: Step = async ({ core, sessions }, { form, visit, facts }) => {
  const field = (name: string) => form.parameters.get(name) ?? "";
  const session = await findSender(SHARING_PATH, sessions, form, visit); // form_foreign
  if (session === undefined) return { kind: "go", path: SHARING_PATH };
  facts.sub = session.sub;
  const question: Question = {
    owner: session.sub,
    resource_id: field("resource_id"),
    client_id: field("client_id"),
    party: field("party"),
    scopes: field("scope").split(" "),
  };
  await ACTIONS.get(field("action"))?.(core, question, field("lifetime"));
  return { kind: "go", path: SHARING_PATH };
};

type Action = (core: Core, question: Question, lifetime: string) => Promise<void>;

/** The action of each button. Any other value changes nothing. */
const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  [
    "approve",
    (core, question, lifetime) => {
      if (!Object.hasOwn(LIFETIMES, lifetime))
        throw new Refusal("parameter_malformed", { slots: { name: "lifetime" } });
      return answer(core, question, { state: "approved", lifetime: LIFETIMES[lifetime]! });
    },
  ],
  ["deny", (core, question) => answer(core, question, { state: "denied", lifetime: null })],
  ["withdraw", ({ db }, question) => takeBackAnswer(db, question)],
]);

function answer({ db, clock }: Core, question: Question, decision: OwnerDecision): Promise<void> {
  return answerQuestion(db, question, decision, clock.statement());
}
