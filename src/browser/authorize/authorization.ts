import type { BrowserSessions } from "../../accounts/browser-session.js";
import { isConfidential } from "../../clients/methods.js";
import { isRegistered } from "../../clients/redirect-uri.js";
import type { Client } from "../../clients/registry.js";
import { subjectFor } from "../../clients/subject.js";
import { epochSeconds, newId, toSeconds } from "../../clock.js";
import type { Core } from "../../core.js";
import { isRefusal, Refusal } from "../../errors/refusal.js";
import type { AuditFacts } from "../../http/decision.js";
import { consentedScope } from "../../store/consents.js";
import {
  finishInteraction,
  lookAtInteraction,
  openInteraction,
  startOf,
  type Interaction,
} from "../../store/interactions.js";
import type { LiveSession } from "../../store/sessions.js";
import { ACTIONS } from "./actions.js";
import { answerClaims, type ClaimsGatheringRequest } from "./answer-claims.js";
import { answerDevice, type DeviceRequest } from "./answer-device.js";
import { answerWithCode, answerWithRefusal } from "./answer.js";
import { next, type Next } from "./next.js";
import { gather, noteClient, noteRequest, REFERENCES, type Gathered } from "./gather.js";
import { readRequest, REQUEST_PARAMETERS, type AuthorizationRequest } from "./request.js";
import { readClient, readTarget, type AnswerTarget } from "./target.js";
import { ACCOUNT_PATH, HOME_PATH, INTERACTION_PATH } from "../paths.js";
import type { Position, InteractionPurpose } from "./position.js";
import { viewOf } from "./show.js";
import { refuseStale } from "./stale.js";
import type { BrowserAnswer, BrowserRequest, Visit } from "../view.js";

/** A longer address could not be requested again, so an interaction does not keep it. In characters. */
const MAX_LINK_LENGTH = 8_192;

/** The parameters of the address at which an authorization can start again. */
const LINKED: ReadonlySet<string> = new Set([...REQUEST_PARAMETERS, ...REFERENCES]);

/** The authorization endpoint that a request was sent to. */
interface AuthorizationEndpoint {
  readonly dialect: string;
  readonly path: string;
}

/**
 * The steps of a person through an authorization. No step calls the next one. Each changes the stored state and
 * redirects the browser to `resume`, where next() decides.
 */
export class Authorization {
  readonly #core: Core;
  readonly #sessions: BrowserSessions;

  constructor(core: Core, sessions: BrowserSessions) {
    this.#core = core;
    this.#sessions = sessions;
  }

  /**
   * Starts an authorization, or answers it at once if no person has to act. A request that a client's page posted has
   * none of our cookies (SameSite), so it continues with the browser's own GET.
   */
  async start(sent: BrowserRequest, { dialect, path }: AuthorizationEndpoint): Promise<BrowserAnswer> {
    const { form, visit, posted, facts } = sent;
    const client = await readClient(this.#core, form, dialect, visit.network);
    noteClient(facts, client);
    const gathered = await gather(this.#core, client, form);
    noteRequest(facts, gathered);
    const answer = targetOf(client, gathered);
    try {
      if (gathered.flaw !== undefined) throw gathered.flaw;
      const request = await readRequest(this.#core, gathered.form, { client, answer, dialect }, facts);
      facts.scope_requested = request.scope;
      if (!posted) {
        const session = await this.#sessions.find(visit.session);
        const step = await this.#next(request, client, session, undefined);
        if (step.step === "issue" || step.step === "refuse") {
          return await this.#conclude(request, client, session, step, facts);
        }
      }
      const known = [...form.parameters].filter(([name]) => LINKED.has(name));
      const whole = `${path}?${new URLSearchParams(known)}`;
      const again = whole.length <= MAX_LINK_LENGTH ? whole : ACCOUNT_PATH;
      return await this.open({ kind: "authorization", request, again }, visit, posted);
    } catch (error) {
      if (isRefusal(error)) return answerWithRefusal(this.#core, answer, client, error, facts);
      throw error;
    }
  }

  /** Starts the login of a person who wants to see a page of their own. */
  logInFor(path: string, visit: Visit): Promise<BrowserAnswer> {
    return this.open({ kind: "account", again: path }, visit);
  }

  /** Shows the page of an interaction's current step, or gives its answer. */
  async resume({ path, visit, facts }: BrowserRequest): Promise<BrowserAnswer> {
    const id = path.id!;
    const browser = visit.browser ?? this.#sessions.newBrowser();
    const position = await this.#find(id, { ...visit, browser });
    const view = await viewOf(
      position,
      this.#sessions.formToken(browser, formPurpose(position.interaction, position.session)),
      this.#core,
    );
    const cookies = visit.browser === undefined ? { browser } : undefined;
    if (view !== undefined) return { kind: "show", view, cookies };

    if (!(await finishInteraction(this.#core.db, id, this.#core.clock.statement()))) {
      throw await this.#stale("interaction_unknown", id, browser);
    }
    const { purpose, client, session, next: step } = position;
    noteClient(facts, client);
    // A person who cancels the login for a page of their own has no app to go back to.
    if (purpose.kind === "account") return { kind: "go", path: step.step === "refuse" ? HOME_PATH : purpose.again };
    if (purpose.kind === "claims") return answerClaims(this.#core, purpose.request, session, step, facts);
    if (purpose.kind === "device") return answerDevice(this.#core, purpose.request, client!, session, step, facts);
    return this.#conclude(purpose.request, client!, session, step, facts);
  }

  /** Records what a form of an interaction says, and redirects the browser to `resume`. */
  async act({ path, form, visit, facts }: BrowserRequest): Promise<BrowserAnswer> {
    const id = path.id!;
    const { browser } = visit;
    if (browser === undefined) throw new Refusal("interaction_foreign");
    const position = await this.#find(id, { ...visit, browser });
    const back = { kind: "go", path: `${INTERACTION_PATH}/${id}` } as const;
    const csrf = form.parameters.get("csrf") ?? "";
    if (!this.#sessions.checkFormToken(browser, formPurpose(position.interaction, position.session), csrf)) {
      // The form was shown before the login, and is sent again or from another tab. There is nothing left to do.
      if (this.#sessions.checkFormToken(browser, formPurpose(position.interaction, undefined), csrf)) return back;
      throw new Refusal("form_foreign", { again: back.path });
    }
    const action = form.parameters.get("action");
    const act = ACTIONS[`${position.next.step}/${action}`];
    if (act === undefined) {
      // A second click on a button has nothing left to do. Any other form belongs to an earlier step.
      if (isDone(position.interaction, action)) return back;
      throw await this.#stale("interaction_unknown", id, browser);
    }
    const cookies = await act({ core: this.#core, sessions: this.#sessions, position, form, visit, facts });
    return { ...back, cookies };
  }

  /** Stores an interaction and redirects the browser to it. A posted one belongs to the first browser that shows it. */
  async open(purpose: InteractionPurpose, visit: Visit, posted = false): Promise<BrowserAnswer> {
    const { db, clock, random } = this.#core;
    const id = newId(random);
    const browser = posted ? undefined : (visit.browser ?? this.#sessions.newBrowser());
    const browser_hash = browser === undefined ? null : this.#sessions.hash(browser);
    await openInteraction(db, { id, browser_hash, request: purpose }, clock.statement());
    const cookies = browser === visit.browser ? undefined : { browser };
    return { kind: "go", path: `${INTERACTION_PATH}/${id}`, cookies };
  }

  async #find(id: string, visit: Visit & { browser: string }): Promise<Position> {
    const { db, clock, registry } = this.#core;
    const interaction = await lookAtInteraction(db, id, this.#sessions.hash(visit.browser), clock.statement());
    if (interaction === "unknown") throw await this.#stale("interaction_unknown", id, visit.browser);
    if (interaction === "foreign") throw await this.#stale("interaction_foreign", id, visit.browser);
    const purpose = interaction.request as InteractionPurpose;
    const session = await this.#sessions.find(visit.session);
    if (purpose.kind === "account") {
      return { interaction, purpose, client: undefined, session, next: nextForAccount(interaction, session) };
    }
    const client = await registry.find(purpose.request.client_id);
    if (client === null || client.disabled) throw new Refusal("client_unknown");
    // The client may have lost this redirect URI since the request.
    if (
      purpose.kind !== "device" &&
      !isRegistered(purpose.request.redirect_uri, redirectUrisFor(purpose.kind, client))
    ) {
      throw new Refusal("redirect_uri_unknown");
    }
    if (purpose.kind === "authorization" && !client.dialects.includes(purpose.request.dialect)) {
      throw new Refusal("client_unknown");
    }
    const step = await this.#next(purpose.request, client, session, interaction);
    return { interaction, purpose, client, session, next: step };
  }

  async #next(
    request: AuthorizationRequest | ClaimsGatheringRequest | DeviceRequest,
    client: Client,
    session: LiveSession | undefined,
    interaction: Interaction | undefined,
  ): Promise<Next> {
    const { db, clock, master } = this.#core;
    const consent = interaction?.consent_sid === session?.sid ? interaction?.consent : undefined;
    return next({
      now: epochSeconds(clock),
      request: { ...request, scope: request.consent_scope },
      client: { consent: client.consent, remembers: isConfidential(client) },
      session: session && { sub: subjectFor(master, client, session.sub), auth_time: toSeconds(session.auth_time) },
      consented: session === undefined ? [] : await consentedScope(db, session.sub, client.client_id),
      done: {
        login: session !== undefined && interaction?.login_sid === session.sid,
        cancelled: interaction?.cancelled ?? false,
        consent: consent ?? undefined,
      },
    });
  }

  /** The refusal of an interaction that is over or belongs to another browser. */
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
    return answerWithRefusal(this.#core, request, client, new Refusal(code), facts);
  }
}

/** The target of the answer. Where it is unknown, a flaw of the request explains more to the user. */
function targetOf(client: Client, { form, pushed, flaw }: Gathered): AnswerTarget {
  try {
    return { ...readTarget(client, form), pushed };
  } catch (error) {
    throw flaw ?? error;
  }
}

function redirectUrisFor(kind: "authorization" | "claims", client: Client): readonly string[] {
  return kind === "authorization" ? client.redirect_uris : client.claims_redirect_uris;
}

/** A page of the person's own needs a login and nothing more. */
function nextForAccount({ cancelled }: Interaction, session: LiveSession | undefined): Next {
  if (session !== undefined) return { step: "issue" };
  return cancelled ? { step: "refuse", code: "access_denied" } : { step: "login", selectAccount: false };
}

/** A form belongs to its interaction, and to the session that it was shown in. */
function formPurpose({ id }: Interaction, session: LiveSession | undefined): string {
  return `${id}\n${session?.sid ?? ""}`;
}

function isDone({ consent }: Interaction, action: string | undefined): boolean {
  return (action === "allow" && consent === "allowed") || (action === "deny" && consent === "denied");
}
