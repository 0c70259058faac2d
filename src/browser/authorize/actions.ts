import type { BrowserSessions } from "../../accounts/browser-session.js";
import { knownBrowser, knownBrowserCookie } from "../../accounts/known-browser.js";
import { logIn as letIn } from "../../accounts/log-in.js";
import type { Core } from "../../core.js";
import { isRefusal, Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import type { Form } from "../../http/form.js";
import { recordConsent } from "../../store/consents.js";
import { recordProgress } from "../../store/interactions.js";
import type { Position } from "./position.js";
import type { BrowserAnswer, Visit } from "../view.js";

/** The form shows a mistyped user name again, up to this many characters. */
const MAX_KEPT_NAME_LENGTH = 255;

interface ActionContext {
  readonly core: Core;
  readonly sessions: BrowserSessions;
  readonly position: Position;
  readonly form: Form;
  readonly visit: Visit;
  readonly facts: AuditFacts;
}

type Action = (context: ActionContext) => Promise<BrowserAnswer["cookies"]>;

/** The action of each button, by step and button. Any other pair belongs to a form of an earlier step. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  "login/login": logIn,
  "login/cancel": async ({ core, position }) =>
    void (await recordProgress(core.db, position.interaction.id, { cancelled: true })),
  "consent/allow": (context) => decideConsent(context, "allowed"),
  "consent/deny": (context) => decideConsent(context, "denied"),
};

async function logIn({
  core,
  sessions,
  position,
  form,
  visit,
  facts,
}: ActionContext): Promise<BrowserAnswer["cookies"]> {
  const { id } = position.interaction;
  const username = form.parameters.get("username") ?? "";
  const password = form.parameters.get("password") ?? "";
  try {
    const { account, amr } = await letIn(
      core,
      { name: { person: username }, password, network: visit.network, knownBrowser: visit.known },
      facts,
    );
    const { cookie, sid } = await sessions.logIn(account, amr, visit.session);
    await recordProgress(core.db, id, { login_sid: sid });
    const isKnown = knownBrowser(core, visit.known, account.sub) !== undefined;
    return {
      session: cookie,
      known: isKnown ? undefined : knownBrowserCookie(core, core.random, account.sub),
    };
  } catch (error) {
    if (!isRefusal(error) || error.row.code !== "resource_owner_credentials_wrong") throw error;
    facts.refusal = error;
    // People type their password into the name field by mistake, so the stored name is sealed.
    const typed = Buffer.from(username.slice(0, MAX_KEPT_NAME_LENGTH), "utf8");
    await recordProgress(core.db, id, { failed_username: core.master.seal("form", typed).toString("base64url") });
    return undefined;
  }
}

async function decideConsent({ core, position }: ActionContext, consent: "allowed" | "denied"): Promise<undefined> {
  const { interaction, purpose, session, client } = position;
  if (consent === "allowed" && purpose.kind !== "account") {
    const given = { sub: session!.sub, client_id: client!.client_id, scope: purpose.request.consent_scope };
    const isRecorded = await recordConsent(core.db, given, core.clock.statement());
    // The sweep deletes clients that registered themselves and were never used. A deleted user sees the login page next.
    if (!isRecorded && (await core.registry.findUncached(given.client_id)) === null)
      throw new Refusal("client_unknown");
  }
  await recordProgress(core.db, interaction.id, { consent, consent_sid: session!.sid });
}
