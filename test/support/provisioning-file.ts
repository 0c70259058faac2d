import { JsonEntries } from "../../src/provisioning/json-entries.js";
import { ProvisioningError } from "../../src/provisioning/raw-entry.js";
import { EntryChecker, type Entry } from "../../src/provisioning/read.js";

/**
 * Reads a provisioning file whole, which the product never does: it reads and applies one batch of entries after another.
 * @throws ProvisioningError for the first fault in it
 */
export function readProvisioningFile(text: string): readonly Entry[] {
  const [document, checker] = [new JsonEntries(), new EntryChecker()];
  const entries = document.push(text.replace(/^\ufeff/, "")).map((raw) => checker.check(raw));
  document.end();
  return entries.map((entry) => {
    if (typeof entry === "string") throw new ProvisioningError(entry);
    return entry;
  });
}
