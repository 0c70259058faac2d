import type { BrowserSessions } from "../../accounts/browser-session.js";
import { isConfidential } from "../../clients/methods.js";
import { isRegistered } from "../../clients/redirect-uri.js";
import type { Client } from "../../clients/registry.js";
import { epochSeconds, newId, toSeconds } from "../../clock.js";
import type { Core } from "../../core.js";
import { isRefusal, Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import type { Form } from "../../http/form.js";
import { consentedScope } from "../../store/consents.js";
import {
  finishInteraction,
  lookAtInteraction,
  openInteraction,
  startOf,
  type Interaction,
} from "../../store/interactions.js";
import type { LiveSession } from "../../store/sessions.js";
import { answerClaims, type ClaimsGatheringRequest } from "../gather-claims.js";
import { ACTIONS } from "./actions.js";
import { answerWithCode, answerWithRefusal } from "./answer.js";
import { next, type Next } from "./next.js";
import { readClient, readRequest, readTarget, REQUEST_PARAMETERS, type AuthorizationRequest } from "./request.js";
import { ACCOUNT_PATH, HOME_PATH, INTERACTION_PATH } from "../paths.js";
import type { Position, InteractionPurpose } from "./position.js";
import { viewOf } from "./show.js";
import { refuseStale } from "./stale.js";
import type { BrowserAnswer, Visit } from "../view.js";

/** Characters of an address that is kept to begin again at. */
const MAX_LINK_LENGTH = 8_192;

/** How an authorization request came in. */
interface Asked {
  readonly dialect: string;
  readonly path: string;
  /** From a client's page, by POST. */
  readonly posted: boolean;
  readonly facts: AuditFacts;
}

/**
 * The way of a person through an authorization. Nothing here calls the next step: each changes what is stored and sends
 * the browser back to `resume`, where next() decides.
 */
export class Authorization {
  readonly #core: Core;
  readonly #sessions: BrowserSessions;

  constructor(core: Core, sessions: BrowserSessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  /**
   * An authorization request. What can be answered without a person is answered at once; a request that was posted from a
   * client's page came without our cookies (SameSite), so it goes on with the browser's own GET.
   */
  async start(form: Form, visit: Visit, asked: Asked): Promise<BrowserAnswer> {
    const { dialect, path, posted, facts } = asked;
    const { client, redirect_uri } = await readClient(this.#core, form, dialect);
    facts.client_id = client.client_id;
    const answer = readTarget(client, redirect_uri, form);
    try {
      const request = await readRequest(this.#core, form, { client, answer, dialect }, facts);
      facts.scope_requested = request.scope;
      if (!posted) {
        const session = await this.#sessions.find(visit.session);
        const step = await this.#next(request, client, session, undefined);
        if (step.step === "issue" || step.step === "refuse") {
          return await this.#conclude(request, client, session, step, facts);
        }
      }
      const known = [...form.parameters].filter(([name]) => REQUEST_PARAMETERS.has(name));
      const whole = `${path}?${new URLSearchParams(known)}`;
      // Longer than a request line may be, it could not be followed anyway.
      const again = whole.length <= MAX_LINK_LENGTH ? whole : ACCOUNT_PATH;
      return await this.open({ kind: "authorization", request, again }, visit, posted);
    } catch (error) {
      if (isRefusal(error)) return answerWithRefusal(this.#core, answer, error, facts);
      throw error;
    }
  }

  /** Somebody who wants to see a page of their own has to log in first. */
  logInFor(path: string, visit: Visit): Promise<BrowserAnswer> {
    return this.open({ kind: "account", again: path }, visit);
  }

  /** What comes next in an interaction: a page, or its answer. */
  async resume(id: string, visit: Visit, facts: AuditFacts): Promise<BrowserAnswer> {
    const browser = visit.browser ?? this.#sessions.newBrowser();
    const position = await this.#find(id, { ...visit, browser });
    const cookies = visit.browser === undefined ? { cookies: { browser } } : {};
    const view = await viewOf(
      position,
      this.#sessions.formToken(browser, formPurpose(position.interaction, position.session)),
      this.#core,
    );
    if (view !== undefined) return { kind: "show", view, ...cookies };

    if (!(await finishInteraction(this.#core.db, id, this.#core.clock.statement()))) {
      throw await this.#stale("interaction_unknown", id, browser);
    }
    const { purpose, client, session, next: step } = position;
    // A person who cancels the login for a page of their own has no app to go back to.
    if (purpose.kind === "account") return { kind: "go", path: step.step === "refuse" ? HOME_PATH : purpose.again };
    if (purpose.kind === "claims") return answerClaims(this.#core, purpose.request, session, step, facts);
    return this.#conclude(purpose.request, client!, session, step, facts);
  }

  /** A form of an interaction. It changes what is stored, and the browser comes back to see what that means. */
  async act(id: string, form: Form, visit: Visit, facts: AuditFacts): Promise<BrowserAnswer> {
    const { browser } = visit;
    if (browser === undefined) throw new Refusal("interaction_foreign");
    const position = await this.#find(id, { ...visit, browser });
    const back = { kind: "go", path: `${INTERACTION_PATH}/${id}` } as const;
    const csrf = form.parameters.get("csrf") ?? "";
    if (!this.#sessions.checkFormToken(browser, formPurpose(position.interaction, position.session), csrf)) {
      // A form that was shown before the login, sent again or from another tab after it: nothing is left to do.
      if (this.#sessions.checkFormToken(browser, formPurpose(position.interaction, undefined), csrf)) return back;
      throw new Refusal("form_foreign", { again: back.path });
    }
    const action = form.parameters.get("action");
    const act = ACTIONS[`${position.next.step}/${action}`];
    if (act === undefined) {
      // The second click on a button whose first one has done it; anything else was sent out of turn.
      if (isDone(position.interaction, action)) return back;
      throw await this.#stale("interaction_unknown", id, browser);
    }
    const cookies = await act({ core: this.#core, sessions: this.#sessions, position, form, visit, facts });
    return cookies === undefined ? back : { ...back, cookies };
  }

  /** Begins an interaction and sends the browser to it; one that was posted belongs to whoever shows it first. */
  async open(purpose: InteractionPurpose, visit: Visit, posted = false): Promise<BrowserAnswer> {
    const { db, clock, random } = this.#core;
    const id = newId(random);
    const browser = posted ? undefined : (visit.browser ?? this.#sessions.newBrowser());
    const browser_hash = browser === undefined ? null : this.#sessions.hash(browser);
    await openInteraction(db, { id, browser_hash, request: purpose }, clock.statement());
    return {
      kind: "go",
      path: `${INTERACTION_PATH}/${id}`,
      ...(browser === undefined || browser === visit.browser ? {} : { cookies: { browser } }),
    };
  }

  async #find(id: string, visit: Visit & { browser: string }): Promise<Position> {
    const { db, clock, registry } = this.#core;
    const interaction = await lookAtInteraction(db, id, this.#sessions.hash(visit.browser), clock.statement());
    if (interaction === "unknown") throw await this.#stale("interaction_unknown", id, visit.browser);
    if (interaction === "foreign") throw await this.#stale("interaction_foreign", id, visit.browser);
    const purpose = interaction.request as InteractionPurpose;
    const session = await this.#sessions.find(visit.session);
    if (purpose.kind === "account") {
      const step = nextForAccount(interaction, session);
      return { interaction, purpose, client: undefined, session, next: step };
    }
    const client = await registry.find(purpose.request.client_id);
    if (client === null || client.disabled) throw new Refusal("client_unknown");
    // Taken from the client since: nobody is sent there any more.
    if (!isRegistered(purpose.request.redirect_uri, redirectUrisFor(purpose.kind, client))) {
      throw new Refusal("redirect_uri_unknown");
    }
    if (purpose.kind === "authorization" && !client.dialects.includes(purpose.request.dialect)) {
      throw new Refusal("client_unknown");
    }
    const step = await this.#next(purpose.request, client, session, interaction);
    return { interaction, purpose, client, session, next: step };
  }

  async #next(
    request: AuthorizationRequest | ClaimsGatheringRequest,
    client: Client,
    session: LiveSession | undefined,
    interaction: Interaction | undefined,
  ): Promise<Next> {
    const { db, clock } = this.#core;
    const said = interaction?.consent_sid === session?.sid ? interaction?.consent : undefined;
    const consent = said ?? undefined;
    return next({
      now: epochSeconds(clock),
      request: { ...request, scope: request.consent_scope },
      client: { consent: client.consent, remembers: isConfidential(client) },
      ...(session === undefined ? {} : { session: { sub: session.sub, auth_time: toSeconds(session.auth_time) } }),
      consented: session === undefined ? [] : await consentedScope(db, session.sub, client.client_id),
      done: {
        login: session !== undefined && interaction?.login_sid === session.sid,
        cancelled: interaction?.cancelled ?? false,
        ...(consent === undefined ? {} : { consent }),
      },
    });
  }

  /** Says that an interaction is over, or another browser's, and where to go now. */
  async #stale(code: "interaction_unknown" | "interaction_foreign", id: string, browser: string): Promise<Refusal> {
    const start = await startOf(this.#core.db, id, this.#sessions.hash(browser));
    return start === undefined ? new Refusal(code) : refuseStale(this.#core, code, start);
  }

  #conclude(
    request: AuthorizationRequest,
    client: Client,
    session: LiveSession | undefined,
    step: Next,
    facts: AuditFacts,
  ): Promise<BrowserAnswer> {
    if (step.step === "issue" && session !== undefined)
      return answerWithCode(this.#core, request, client, session, facts);
    const code = step.step === "refuse" ? step.code : "login_required";
    return Promise.resolve(answerWithRefusal(this.#core, request, new Refusal(code), facts));
  }
}

function redirectUrisFor(kind: "authorization" | "claims", client: Client): readonly string[] {
  return kind === "authorization" ? client.redirect_uris : client.claims_redirect_uris;
}

/** A page of the person's own needs a login and nothing else. */
function nextForAccount({ cancelled }: Interaction, session: LiveSession | undefined): Next {
  if (session !== undefined) return { step: "issue" };
  return cancelled ? { step: "refuse", code: "access_denied" } : { step: "login", selectAccount: false };
}

/** A form belongs to its interaction and to whoever was logged in when it was shown. */
function formPurpose({ id }: Interaction, session: LiveSession | undefined): string {
  return `${id}\n${session?.sid ?? ""}`;
}

function isDone({ consent }: Interaction, action: string | undefined): boolean {
  return (action === "allow" && consent === "allowed") || (action === "deny" && consent === "denied");
}
