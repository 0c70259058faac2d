import { DIALECT_SCOPES } from "../dialects/index.js";
import type { Db } from "../store/open.js";
import { allScopes } from "../store/scopes.js";
import { BUILT_IN_SCOPES } from "../tokens/claims.js";
import type { Entry } from "./read.js";
import type { ProvisionedClient, Section } from "./schema.js";

/** The sections whose entries list the scopes that they may request. */
const LISTING: ReadonlySet<Section> = new Set<Section>(["clients", "devices"]);

type Listing = Omit<Entry, "raw">;

/**
 * Collects entries that list scopes which are neither built in nor declared in the store. Such a scope works without a
 * description or an audience, so it may be a misspelling.
 */
export class UndeclaredScopes {
  readonly #db: Db;
  #entries: Listing[] = [];

  constructor(db: Db) {
    this.#db = db;
  }

  /** @param entries the written entries; the scopes that they list may follow later in the file */
  async add(entries: readonly Listing[]): Promise<void> {
    if (entries.every(({ section }) => !LISTING.has(section))) return;
    const known = await this.#known();
    this.#entries = [...this.#entries, ...entries].filter((one) => unknownIn(one, known).length > 0);
  }

  /** One line for each entry. */
  async lines(): Promise<readonly string[]> {
    if (this.#entries.length === 0) return [];
    const known = await this.#known();
    return this.#entries.flatMap((one) => {
      const unknown = unknownIn(one, known);
      return unknown.length === 0
        ? []
        : [`${one.place.name} (${one.key}) lists scopes that are not declared: ${unknown.join(" ")}`];
    });
  }

  async #known(): Promise<ReadonlySet<string>> {
    return new Set([...BUILT_IN_SCOPES, ...(await allScopes(this.#db))].map(({ name }) => name));
  }
}

function unknownIn({ section, value }: Listing, known: ReadonlySet<string>): readonly string[] {
  const { scope } = LISTING.has(section) ? (value as ProvisionedClient) : { scope: [] };
  return scope.filter((name) => !known.has(name) && !DIALECT_SCOPES.has(name));
}
