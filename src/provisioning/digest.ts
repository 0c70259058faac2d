import type { MasterKey } from "../keys/master-key.js";
import type { Entry } from "./read.js";

/** The digest of an entry, the same for any order of its keys. It is keyed, because an entry may hold a password. */
export function digestOf(master: MasterKey, { section, raw }: Entry): string {
  return master.mac("provisioned-entry", `${section}\n${canonical(raw)}`).toString("base64url");
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    part !== null && typeof part === "object" && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
