import { z } from "zod";
import type { BrowserSessions } from "../accounts/browser-session.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import type { AuditFacts } from "../http/decision.js";
import type { Form } from "../http/form.js";
import { readParameters } from "../http/parameters.js";
import {
  answerQuestion,
  questionsTo,
  takeBackAnswer,
  type OwnerDecision,
  type Question,
} from "../store/uma-approvals.js";
import { decisionsAbout } from "../store/uma-decisions.js";
import { explain } from "../uma/explain.js";
import type { Authorization } from "./authorize/authorization.js";
import { SHARING_PATH } from "./paths.js";
import type { BrowserAnswer, Visit } from "./view.js";
import { seeOwner, whoSent } from "./own-page.js";

/** An owner's page: who asks for what is theirs, what they said, and how what was asked came out. */

/** Rows of a list that are shown at once. */
const MAX_ROWS = { questions: 100, decisions: 20 } as const;

/** Which of the questions are shown, from 1. */
const parameters = z.object({
  page: z
    .string()
    .regex(/^[1-9]\d{0,5}$/)
    .default("1"),
});

/** How long an approval may last, in seconds; null until it is taken back. */
const LIFETIMES: Readonly<Record<string, number | null>> = {
  hour: 60 * 60,
  day: 24 * 60 * 60,
  month: 30 * 24 * 60 * 60,
  always: null,
};

interface SharingParts {
  readonly core: Core;
  readonly sessions: BrowserSessions;
  readonly authorization: Authorization;
}

/** Shows the page, after a login where there is none. */
export async function showSharing(
  parts: SharingParts,
  form: Form,
  visit: Visit,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  const { core, sessions, authorization } = parts;
  const owner = await seeOwner(SHARING_PATH, sessions, visit);
  if (owner === undefined) return authorization.logInFor(SHARING_PATH, visit);
  const { session, frame, given } = owner;
  facts.sub = session.sub;
  const page = Number(readParameters(parameters, form.parameters).page);
  const last = page * MAX_ROWS.questions;
  // One more than is shown, to tell whether there are older ones.
  const places = { after: last - MAX_ROWS.questions, last: last + 1 };
  const found = await questionsTo(core.db, session.sub, places, core.clock.statement());
  const questions = found.filter(({ place }) => place <= last);
  const decisions = await decisionsAbout(core.db, session.sub, MAX_ROWS.decisions);
  return {
    kind: "show",
    view: {
      page: "sharing",
      ...frame,
      questions: questions.map(({ resource_id, resource_name, client_id, client_name, party, username, ...said }) => ({
        ...{ resource_id, client_id, party },
        resource: resource_name ?? resource_id,
        client: client_name ?? client_id,
        person: username ?? undefined,
        scopes: said.scopes,
        state: said.state,
        since: said.asked_at,
        until: said.expires_at ?? undefined,
      })),
      ...(questions.length < found.length ? { older: page + 1 } : {}),
      lifetimes: Object.keys(LIFETIMES),
      decisions: decisions.map(explain),
    },
    ...given,
  };
}

/** Records what an owner says to a question, or takes back what they said: it counts with the next request. */
export async function changeSharing(
  { core, sessions }: SharingParts,
  form: Form,
  visit: Visit,
  facts: AuditFacts,
): Promise<BrowserAnswer> {
  const said = (name: string) => form.parameters.get(name) ?? "";
  const session = await whoSent(SHARING_PATH, sessions, form, visit); // form_foreign
  if (session === undefined) return { kind: "go", path: SHARING_PATH };
  facts.sub = session.sub;
  const question: Question = {
    owner: session.sub,
    resource_id: said("resource_id"),
    client_id: said("client_id"),
    party: said("party"),
    scopes: said("scope").split(" "),
  };
  await ACTIONS.get(said("action"))?.(core, question, said("lifetime"));
  return { kind: "go", path: SHARING_PATH };
}

type Act = (core: Core, question: Question, lifetime: string) => Promise<void>;

/** What each button does; anything else does nothing. */
const ACTIONS: ReadonlyMap<string, Act> = new Map<string, Act>([
  [
    "approve",
    (core, question, lifetime) => {
      // A time nobody offered is none.
      if (!Object.hasOwn(LIFETIMES, lifetime))
        throw new Refusal("parameter_malformed", { slots: { name: "lifetime" } });
      return answer(core, question, { state: "approved", lifetime: LIFETIMES[lifetime]! });
    },
  ],
  ["deny", (core, question) => answer(core, question, { state: "denied", lifetime: null })],
  ["withdraw", ({ db }, question) => takeBackAnswer(db, question)],
]);

function answer({ db, clock }: Core, question: Question, said: OwnerDecision): Promise<void> {
  return answerQuestion(db, question, said, clock.statement());
}
