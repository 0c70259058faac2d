import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Test } from "tap";
import { ROOT } from "./root.js";

const BUILD = join(ROOT, "build", "js");

/** What it takes to add one thing: the files that are new, and the lines that are inserted into files that exist. */
export interface Addition {
  /** Places in src/ by the compiled toys below test/support/. */
  readonly files: Readonly<Record<string, string>>;
  /** A line, behind the line of that file in src/ that is named. */
  readonly lines: readonly { readonly into: string; readonly behind: string; readonly line: string }[];
}

/**
 * A copy of the compiled server, with additions. It is removed when the test ends.
 * @returns imports a module of the copy by its path, such as src/app.js
 */
export async function copyOfServer(
  t: Test,
  additions: readonly Addition[],
): Promise<<Module>(path: string) => Promise<Module>> {
  const house = join(ROOT, "build", `toy-house-${process.pid}`);
  await mkdir(join(house, "test"), { recursive: true });
  t.teardown(() => rm(house, { recursive: true }));
  await cp(join(BUILD, "src"), join(house, "src"), { recursive: true });
  await cp(join(BUILD, "test", "support"), join(house, "test", "support"), { recursive: true });
  for (const { files, lines } of additions) {
    for (const [toy, place] of Object.entries(files)) await moveIn(house, toy, place);
    for (const { into, behind, line } of lines) await insert(join(house, "src", into), behind, line);
  }
  return (path) => import(pathToFileURL(join(house, path)).href);
}

/** Copies a toy to its place in src/, where its imports have shorter paths. */
async function moveIn(house: string, toy: string, place: string): Promise<void> {
  const from = join(house, "test", "support", toy);
  const to = join(house, "src", place);
  const text = (await readFile(from, "utf8")).replace(/(?<=from ")\.[^"]+/g, (path) => {
    const moved = relative(dirname(to), resolve(dirname(from), path));
    return moved.startsWith(".") ? moved : `./${moved}`;
  });
  await writeFile(to, text);
}

async function insert(file: string, behind: string, line: string): Promise<void> {
  const text = await readFile(file, "utf8");
  if (text.split(behind).length !== 2) throw new Error(`${file} does not have one line "${behind}"`);
  await writeFile(file, text.replace(behind, `${behind}\n${line}`));
}
