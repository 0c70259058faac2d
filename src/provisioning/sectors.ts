import { sectorProblem } from "../clients/sector-document.js";
import { faultAt } from "./raw-entry.js";
import type { Entry } from "./read.js";
import type { ProvisionedClient } from "./schema.js";
import type { Vault } from "./write.js";

/** Clients whose sector does not know them, each with a line about it. The documents are fetched one after the other. */
export async function foreignToTheirSector(
  { allowsPrivateFetches = false }: Pick<Vault, "allowsPrivateFetches">,
  entries: readonly Entry[],
): Promise<ReadonlyMap<Entry, string>> {
  const faults = new Map<Entry, string>();
  for (const entry of entries.filter(({ section }) => section === "clients")) {
    const { place, key, value } = entry;
    const problem = await sectorProblem(value as ProvisionedClient, allowsPrivateFetches);
    if (problem === undefined) continue;
    faults.set(entry, faultAt({ ...place, name: `${place.name} (${key})` }, ["sector_identifier_uri"], problem));
  }
  return faults;
}
