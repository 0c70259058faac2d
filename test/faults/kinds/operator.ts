import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Begun, Fault } from "../fault.js";
import type { Fleet } from "../fleet.js";
import { provisioningFile } from "../provision.js";

/** What an operator does under load. */

async function command(fleet: Fleet, ...args: readonly string[]): Promise<Begun> {
  const { code, stderr } = await fleet.command(args);
  const end = async () => (code === 0 ? undefined : `jeton ${args.join(" ")} ended with ${code}: ${stderr}`);
  return { what: args.join(" "), end };
}

export const OPERATOR_FAULTS: readonly Fault[] = [
  { name: "keys-rotated", lasts: 0.1, begin: (fleet) => command(fleet, "keys", "rotate") },
  {
    name: "provisioned",
    lasts: 0.1,
    async begin(fleet, random) {
      const file = join(fleet.folder, "provision.json");
      await writeFile(file, JSON.stringify(provisioningFile(1 + random.below(1_000))));
      return command(fleet, "apply", file);
    },
  },
];
