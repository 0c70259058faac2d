import { z } from "zod";
import { apply } from "../provisioning/apply.js";
import { changesOf } from "../provisioning/diff.js";
import { exportPage } from "../provisioning/export.js";
import { json } from "../provisioning/json-value.js";
import { SECTIONS, type Section } from "../provisioning/schema.js";
import { textSource } from "../provisioning/source.js";
import { command, type AnyCommand, type PagedContext } from "./command.js";
import { PAGING } from "./page.js";

/** The configuration of the server as a provisioning file. */

const SECTION_NAMES = Object.keys(SECTIONS) as [Section, ...Section[]];

const EXPORTED = z.strictObject({
  sections: z.array(z.enum(SECTION_NAMES)).default([]).meta({ description: "sections of the file; all by default" }),
  ...PAGING,
});

async function exportEntries({ core, input: { sections, limit }, after }: PagedContext<z.output<typeof EXPORTED>>) {
  const [section, ...key] = (after ?? []) as readonly string[];
  const from =
    section === undefined ? undefined : { section: section as Section, key: key.length > 0 ? key : undefined };
  const { items, last } = await exportPage(core.db, { after: from, limit, sections });
  return { items, next: last && [last.section, ...(last.key ?? [])] };
}

/** The members of a document are checked as those of a file, which names the place of a fault. */
const DOCUMENT = {
  document: z.record(z.string(), json).meta({ description: "provisioning file" }),
};

/** An entry, with its section as the name of the member. */
const ENTRY = z.record(z.string(), z.record(z.string(), z.unknown()));

export const CONFIGURATION_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "configuration export",
    does: "prints the configuration as a provisioning file (JSON Lines), without secrets",
    access: "read",
    effect: "reads",
    input: EXPORTED,
    output: ENTRY,
    paged: true,
    terms: { lines: true },
    run: exportEntries,
  }),
  command({
    name: "configuration diff",
    does: "lists what applying a provisioning file would change, without secrets; changes nothing",
    access: "read",
    effect: "reads",
    input: z.strictObject(DOCUMENT),
    output: z.array(
      z.object({
        section: z.enum(SECTION_NAMES),
        id: z.string(),
        change: z.enum(["added", "changed"]),
        settings: z.record(z.string(), z.object({ from: z.unknown(), to: z.unknown() })),
        secrets: z.array(z.string()).readonly(),
      }),
    ),
    terms: { file: "document" },
    run: ({ core, input: { document } }) => changesOf(core.db, core, textSource(JSON.stringify(document))),
  }),
  command({
    name: "configuration apply",
    does: "applies a provisioning file; `jeton apply` does so without holding the whole file in memory",
    access: "all",
    effect: "changes",
    input: z.strictObject(DOCUMENT),
    output: z.object({ written: z.int(), entries: z.int(), warnings: z.array(z.string()).readonly() }),
    terms: { file: "document" },
    run: ({ core, input: { document }, caller }) => apply(core.db, core, JSON.stringify(document), { caller }),
  }),
];
