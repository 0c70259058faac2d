import { readClient, type Client } from "../clients/registry.js";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import type { AudiencesOfScopes } from "../grants/targets.js";
import { changedEntries, type ChangedEntry } from "../provisioning/preview.js";
import { rowToBe } from "../store/client-to-be.js";
import { findClient, type ClientToSave } from "../store/clients.js";
import type { PersonState } from "../store/decision-facts.js";
import type { TrustedIssuer } from "../store/trusted-issuers.js";
import type { Configuration } from "./configuration.js";

/** Most entries of a file that is laid over the store, because they are kept in memory. */
const MAX_ENTRIES = 20_000;

/** The entries of a file that would change something, by the names under which decisions look for them. */
interface Layer {
  readonly clients: Map<string, Client | null>;
  readonly people: Map<string, Omit<PersonState, "sub" | "token_epoch">>;
  readonly issuers: Map<string, TrustedIssuer>;
  readonly audiences: Map<string, { readonly audience: string | null }>;
}

/**
 * The configuration as it would be after a provisioning file was applied. Nothing is written. Entries that have not changed since
 * they were last applied are left out, as `jeton apply` leaves them.
 * @throws OperatorError for a faulty file, or one that is too large
 */
export async function laidOver(core: Core, base: Configuration, document: object): Promise<Configuration> {
  const layer: Layer = { clients: new Map(), people: new Map(), issuers: new Map(), audiences: new Map() };
  let count = 0;
  for await (const entry of changedEntries(core, document)) {
    count += 1;
    if (count > MAX_ENTRIES) throw new OperatorError(`the file changes more than ${MAX_ENTRIES} entries`, "invalid");
    await add(layer, entry, core);
  }
  const { clients, people, issuers } = layer;
  const scopes: AudiencesOfScopes = new Map([...base.scopes, ...layer.audiences]);
  return {
    ...base,
    scopes,
    client: async (id) => (clients.has(id) ? clients.get(id)! : base.client(id)),
    person: async (sub) => {
      const present = await base.person(sub);
      const changed = people.get(sub);
      return changed === undefined ? present : { token_epoch: 0, ...present, ...changed };
    },
    trustedIssuer: async (name) => issuers.get(name) ?? base.trustedIssuer(name),
  };
}

async function add(layer: Layer, entry: ChangedEntry, core: Core): Promise<void> {
  if (entry.section === "scopes") layer.audiences.set(entry.row.name, { audience: entry.row.audience });
  if (entry.section === "issuers") layer.issuers.set(entry.row.issuer, entry.row);
  if (entry.section === "users") layer.people.set(entry.sub, entry);
  if (entry.section === "clients") for (const client of entry.clients) await addClient(layer, client, core);
}

async function addClient({ clients }: Layer, { client }: ClientToSave, { db }: Core): Promise<void> {
  clients.set(client.client_id, readClient(rowToBe(client, await findClient(db, client.client_id))));
}
