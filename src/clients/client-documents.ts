import type { RateLimits } from "../accounts/rate-limits.js";
import type { Clock } from "../clock.js";
import { isRefusal, Refusal } from "../errors/refusal.js";
import { FetchFailed, fetchPublic, type CallLimits } from "../outbound/fetch.js";
import { freshFor } from "../outbound/freshness.js";
import { isFresh, saveDescribed } from "../store/client-documents.js";
import type { Db } from "../store/open.js";
import { JsonError, readStrictJson } from "../strict-json.js";
import { isPlainHttp } from "./registered-uri.js";
import { checkSector, readRegistration, UNUSED_LIFETIME, type RegistrationSettings } from "./registration.js";
import { isClientId, type Client, type ClientRegistry } from "./registry.js";

/**
 * Clients whose `client_id` is the URL of a document with their metadata (draft-ietf-oauth-client-id-metadata-document-02).
 * The document is fetched when such a client starts an authorization. What it may say is what a client may register for
 * itself, without a shared secret, because anybody can read it. The client becomes a row of `clients`.
 */

/** The limits of one fetch. The draft recommends 5 kB at least (section 8.7). */
const LIMITS: CallLimits = { bytes: 16 * 1024, milliseconds: 3_000 };

/** Seconds for which a document counts: by its own headers, within these bounds (section 5.2). */
const FRESHNESS = { min: 60, max: 24 * 60 * 60, otherwise: 60 * 60 } as const;

/** Milliseconds after a failure in which a URL is not fetched again. */
const COOL_DOWN = 30_000;

/** Most URLs whose failures are remembered. */
const MAX_FAILURES = 1_000;

/** Members of a document that would be a shared secret (section 4.1). */
const SECRETS = ["client_secret", "client_secret_expires_at"] as const;

interface Parts {
  readonly db: Db;
  readonly clock: Clock;
  readonly registry: ClientRegistry;
  readonly rateLimits: RateLimits;
  readonly settings: RegistrationSettings;
  /** Whether loopback and private addresses may be called, by plain http too. */
  readonly allowPrivate: boolean;
}

export class ClientDocuments {
  readonly #parts: Parts;
  readonly #underWay = new Map<string, Promise<void>>();
  /** When the last fetch of a URL failed, and why; the oldest first. */
  readonly #failures = new Map<string, { readonly at: number; readonly reason: string }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * The client that starts an authorization. The document of a URL is fetched if none was read, or if it is due again.
   * @param network of the request, for the limit of fetches
   * @throws Refusal client_document_unusable, registrations_too_many, tries_exhausted
   */
  async current(client_id: string, network: string): Promise<Client | null> {
    const { db, clock, registry } = this.#parts;
    const known = await registry.find(client_id);
    const isDescribed = known === null || known.registered_by === "document";
    if (!isDescribed || !this.#isUrlOfDocument(client_id)) return known;
    if (known !== null && (known.disabled || (await isFresh(db, client_id, clock.statement())))) return known;
    return this.#load(client_id, network);
  }

  /**
   * The client that authenticates. Keys inside its document are read again if they are due, so that it can replace them and
   * take one back. A host that does not answer logs no user out: the keys before count.
   * @param known the client, if it is known already
   * @throws Refusal as `current`, for a client that is not known
   */
  async authenticating(client_id: string, known: Client | null, network: string): Promise<Client | null> {
    if (known === null) return this.#isUrlOfDocument(client_id) ? this.#load(client_id, network) : null;
    if (known.jwks === null) return known;
    try {
      return await this.current(client_id, network);
    } catch (error) {
      if (isRefusal(error)) return known;
      throw error;
    }
  }

  /**
   * Whether documents are on, and a text is a URL that can be a client_id (section 3). It has to be in the form in which
   * URLs are compared, so that one document has one client_id.
   */
  #isUrlOfDocument(text: string): boolean {
    const { settings, allowPrivate } = this.#parts;
    if (!settings.documents || !isClientId(text) || !/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
    const { href, pathname, hash, username, password } = new URL(text);
    if (isPlainHttp(text) && !allowPrivate) return false;
    return href === text && pathname !== "/" && !text.includes("#") && hash + username + password === "";
  }

  /** Fetches a document once, however many requests wait for it. */
  async #load(client_id: string, network: string): Promise<Client | null> {
    const { registry, clock, rateLimits } = this.#parts;
    const failure = this.#failures.get(client_id);
    if (failure !== undefined && clock.now() - failure.at < COOL_DOWN) throw unusable(failure.reason);
    if (!this.#underWay.has(client_id)) {
      await rateLimits.consumeOrThrow({ on: "client documents of a network", id: network });
    }
    const fetching =
      this.#underWay.get(client_id) ?? this.#fetch(client_id).finally(() => this.#underWay.delete(client_id));
    this.#underWay.set(client_id, fetching);
    await fetching;
    // The notification of the change may still be on its way.
    return registry.findUncached(client_id);
  }

  async #fetch(client_id: string): Promise<void> {
    const { db, clock, settings, allowPrivate } = this.#parts;
    // Another request, perhaps on another instance, may just have fetched it.
    if (await isFresh(db, client_id, clock.statement())) return;
    try {
      const { status, headers, body } = await fetchPublic(client_id, LIMITS, { allowPrivate });
      if (status !== 200) throw new FetchFailed(`answered ${status}`);
      if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(headers["content-type"] ?? "")) throw new FetchFailed("not JSON");
      const read = readDescription(body.toString("utf8"), client_id, settings.scopes);
      await checkSector(read, allowPrivate);
      const { client, shown } = read;
      const described = {
        client: { ...client, client_id },
        metadata: shown,
        freshFor: freshFor(headers, FRESHNESS),
        lifetime: UNUSED_LIFETIME,
        maxClients: settings.maxClients,
      };
      if (!(await saveDescribed(db, described, clock.statement()))) throw new Refusal("registrations_too_many");
      this.#failures.delete(client_id);
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === undefined) throw error;
      this.#rememberFailure(client_id, reason);
      throw unusable(reason);
    }
  }

  #rememberFailure(client_id: string, reason: string): void {
    this.#failures.delete(client_id);
    this.#failures.set(client_id, { at: this.#parts.clock.now(), reason });
    const oldest = this.#failures.keys().next().value;
    if (this.#failures.size > MAX_FAILURES && oldest !== undefined) this.#failures.delete(oldest);
  }
}

/** Reads a document by the rules of a registration (section 4). */
function readDescription(text: string, client_id: string, scopes: readonly string[]) {
  const document = readStrictJson(text);
  if (typeof document !== "object" || document === null) throw new JsonError("no object");
  const given = document as Readonly<Record<string, unknown>>;
  if (given.client_id !== client_id) throw new JsonError("another client_id than its URL");
  if (SECRETS.some((name) => given[name] !== undefined)) throw new JsonError("a secret in a public document");
  const read = readRegistration({ token_endpoint_auth_method: "none", ...given }, scopes);
  if (read.wantsSecret) throw new JsonError("a method with a shared secret");
  return read;
}

/** Why a document cannot be used; undefined for an error of another kind. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof FetchFailed) return error.reason;
  if (error instanceof JsonError) return `the document has ${error.message}`;
  const isAboutMetadata = error instanceof Refusal && error.row.kind.startsWith("bad_");
  return isAboutMetadata ? error.message : undefined;
}

function unusable(reason: string): Refusal {
  return new Refusal("client_document_unusable", { reason });
}
