import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/clock.js";
import { ROOT } from "../support/root.js";
import { versionOfPeer } from "./install-peers.js";
import type { Options } from "./options.js";
import { rowsOf, type Measured } from "./row.js";
import type { Running } from "./start.js";
import { figuresTable, goalsTable, table } from "./tables.js";

const PAGE = join(ROOT, "docs", "performance.md");

/** The commit that is measured, with a plus where files differ from it. A run asks at its beginning: files may change later. */
export function readCommit(): string {
  const git = (...words: string[]) => execFileSync("git", words, { cwd: ROOT, encoding: "utf8" }).trim();
  const changes = git("status", "--porcelain", "--untracked-files=no");
  return `${git("rev-parse", "--short", "HEAD")}${changes === "" ? "" : "+"}`;
}

/** Everything that a reader needs to judge the figures. */
export interface Report {
  readonly about: Readonly<Record<string, string>>;
  readonly candidates: readonly { readonly name: string; readonly version: string; readonly idleMiB: number }[];
  readonly measured: readonly Measured[];
}

export async function makeReport(
  options: Options,
  running: readonly Running[],
  measured: readonly Measured[],
  commit: string,
): Promise<Report> {
  const { seconds, rounds, connections } = options;
  return {
    about: {
      ...aboutRun(commit, await running[0]!.database.settings()),
      rounds: `${rounds} of ${seconds} s for each candidate and operation, ${connections} connections`,
    },
    candidates: running.map(({ candidate, idleMemory }) => ({
      name: candidate.name,
      version: versionOf(candidate),
      idleMiB: Math.round(idleMemory / 2 ** 20),
    })),
    measured,
  };
}

/** The date, the commit, the machine, and the versions and settings of a run. */
export function aboutRun(
  commit: string,
  { version, ...settings }: Readonly<Record<string, string>>,
): Readonly<Record<"date" | "commit" | "machine" | "versions" | "settings", string>> {
  const [cpu] = cpus();
  return {
    date: new Date(systemClock.now()).toISOString().slice(0, 10),
    commit,
    machine: `${cpus().length} cores of ${cpu?.model ?? "an unknown model"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    versions: `Node ${process.versions.node}, PostgreSQL ${version}`,
    settings: Object.entries(settings)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
  };
}

/** The tables, in Markdown. */
export function render({ about, candidates, measured }: Report): string {
  const rows = rowsOf(measured);
  return [
    table(["", ""], Object.entries(about)),
    table(
      ["candidate", "version", "memory MiB before the first request"],
      candidates.map(({ name, version, idleMiB }) => [name, version, String(idleMiB)]),
    ),
    goalsTable(rows),
    figuresTable(rows),
  ].join("\n\n");
}

/** Writes everything that was measured, each round included. @returns the path */
export function writeJson(report: Report): Promise<string> {
  const measured = report.measured.map(({ operation, candidate, ...one }) => ({
    operation: operation.name,
    candidate: candidate.name,
    ...one,
  }));
  const { date, commit } = report.about;
  return writeFigures(`${date}-${commit}`, { ...report, measured, rows: rowsOf(report.measured) });
}

/** Writes a JSON file into build/bench/. @returns its path */
export async function writeFigures(name: string, figures: object): Promise<string> {
  const folder = join(ROOT, "build", "bench");
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
  return file;
}

/** Writes tables into docs/performance.md, between the markers of the command that made them. */
export async function writePage(tables: string, command = "npm run bench"): Promise<void> {
  const markers = [`<!-- ${command}: begin -->`, `<!-- ${command}: end -->`] as const;
  const page = await readFile(PAGE, "utf8");
  const [begin, end] = markers.map((marker) => page.indexOf(marker));
  if (begin! < 0 || end! < begin!) throw new Error(`${PAGE} has no line "${markers[0]}" before a line "${markers[1]}"`);
  await writeFile(PAGE, `${page.slice(0, begin! + markers[0].length)}\n\n${tables}\n\n${page.slice(end)}`);
}

function versionOf({ package: name, program }: Running["candidate"]): string {
  if (name !== undefined) return versionOfPeer(name);
  if (program !== undefined) return "–";
  return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
}
