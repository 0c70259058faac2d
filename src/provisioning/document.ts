import { ProvisioningError } from "./raw-entry.js";
import { fileSource } from "./source.js";

/**
 * A provisioning file of any format as one document: an object whose members are lists of entries.
 * @throws OperatorError if it cannot be read
 */
export async function readDocument(path: string): Promise<Record<string, unknown[]>> {
  const document: Record<string, unknown[]> = {};
  for await (const found of (await fileSource(path)).entries()) {
    if ("fault" in found) throw new ProvisioningError(`${found.place.name}: ${found.fault}`);
    (document[found.section] ??= []).push(found.raw);
  }
  return document;
}
