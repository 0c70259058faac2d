import { z } from "zod";
import { allClientUris, allGoodbyeUris, findClient, type ClientRow, type GoodbyeUris } from "../store/clients.js";
import type { ChangeFeed } from "../store/listen.js";
import type { Db } from "../store/open.js";
import { allScopes, type DeclaredScope } from "../store/scopes.js";
import { withProfile } from "./fapi2.js";
import { ADMIN_SCOPES, adminAudience } from "./admin-scopes.js";
import { METHOD_NAMES, type ClientOfMethod } from "./methods.js";
import { audiencesOf, type Audiences } from "./audiences.js";
import { narrowed } from "./registered-client.js";
import { isRegistered, webOriginsOf } from "./redirect-uri.js";
import { Remembered } from "./remembered.js";
import { withSubjectType } from "./subject.js";

const withMethod = narrowed.extend({
  token_endpoint_auth_method: z.enum(METHOD_NAMES).nullable(),
  token_endpoint_auth_methods: z.array(z.enum(METHOD_NAMES)),
});

/** A registered client, as RFC 7591 names its metadata. */
export type Client = ClientOfMethod;

/** A scope. A client may use an undeclared one, which has no description, audience or claims. */
export interface Scope extends Pick<DeclaredScope, "name" | "claims"> {
  readonly description: string | null;
  readonly audience: string | null;
}

/** Longest client id, in characters. */
const MAX_ID = 255;

/**
 * Whether a text can be a client id. Other texts are neither looked up nor cached: PostgreSQL stores well-formed text
 * without U+0000 only.
 */
export function isClientId(text: string): boolean {
  return text.length <= MAX_ID && text.isWellFormed() && !text.includes("\0");
}

/** Clients and scopes, cached until the store reports a change. */
export class ClientRegistry {
  readonly #clients: Remembered<Client | null>;
  readonly #scopes: Remembered<ReadonlyMap<string, DeclaredScope>>;
  readonly #audiences: Remembered<Audiences>;
  readonly #origins: Remembered<ReadonlySet<string>>;
  readonly #logoutUris: Remembered<readonly GoodbyeUris[]>;

  /** @param issuer the issuer identifier, from which the audience of administration derives */
  constructor(db: Db, feed: ChangeFeed, issuer: string) {
    this.#clients = new Remembered(feed, async (id) => readClient(await findClient(db, id)));
    this.#scopes = new Remembered(feed, async () => withAdminScopes(await allScopes(db), issuer));
    this.#audiences = new Remembered(feed, async () => audiencesOf(await allScopes(db)));
    this.#origins = new Remembered(feed, async () => new Set((await allClientUris(db)).flatMap(webOriginsOf)));
    this.#logoutUris = new Remembered(feed, () => allGoodbyeUris(db));
    feed.subscribe((change) => {
      if (change === null || change.kind === "client") {
        this.#clients.forget(change?.id);
        this.#origins.forget();
        this.#logoutUris.forget();
      }
      if (change === null || change.kind === "scopes") {
        this.#scopes.forget();
        this.#audiences.forget();
      }
    });
  }

  /** The client with this id, byte for byte; null if there is none. */
  async find(client_id: string): Promise<Client | null> {
    return isClientId(client_id) ? this.#clients.get(client_id) : null;
  }

  /**
   * The same, always read from the store. A device may have replaced its key with its previous request, on another
   * instance.
   */
  async findUncached(client_id: string): Promise<Client | null> {
    this.#clients.forget(client_id);
    return this.find(client_id);
  }

  /** The client as this request has read it before, without asking the store again. */
  async findCached(client_id: string): Promise<Client | null> {
    return (await this.#clients.peek(client_id)?.catch(() => null)) ?? null;
  }

  /** The origins of every client's pages. */
  webOrigins(): Promise<ReadonlySet<string>> {
    return this.#origins.get("");
  }

  /** The id of the first enabled client, by id, that has registered this post_logout_redirect_uri. */
  async findByLogoutUri(uri: string): Promise<string | undefined> {
    const goodbyes = await this.#logoutUris.get("");
    return goodbyes.find(({ post_logout_redirect_uris }) => isRegistered(uri, post_logout_redirect_uris))?.client_id;
  }

  /** Every declared scope by its name. */
  scopes(): Promise<ReadonlyMap<string, DeclaredScope>> {
    return this.#scopes.get("");
  }

  /** What the audiences of the declared scopes say about their access tokens. */
  audiences(): Promise<Audiences> {
    return this.#audiences.get("");
  }
}

/** Scopes by their names. Those of administration are always declared, for the audience that they have. */
function withAdminScopes(declared: readonly DeclaredScope[], issuer: string): ReadonlyMap<string, DeclaredScope> {
  const audience = adminAudience(issuer);
  const scopes = new Map(declared.map((one) => [one.name, one]));
  const form = { description: null, claims: [], access_token_signing_alg: null, access_token_typ: null };
  for (const name of ADMIN_SCOPES) scopes.set(name, { ...form, name, ...scopes.get(name), audience });
  return scopes;
}

/** A client as the server treats it, from its row. */
export function readClient(row: ClientRow | null): Client | null {
  return row === null ? null : withSubjectType(withProfile({ ...row, ...withMethod.parse(row) }));
}
