import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Test } from "tap";
import { withDate } from "./date.js";
import { openDesk } from "./desk.js";
import { type Environment } from "./process.js";
import { ROOT } from "./root.js";
import { SHORT_LIVED } from "./run.js";
import { until } from "./until.js";

/** The folder and the terminals of a reader who pastes what a page says. */

/** What a block did. */
export interface Pasted {
  /** How it ended: a block ends with its first command that fails. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The HTTP status of each answer that curl got and wrote about. */
  readonly statuses: readonly number[];
}

/** curl writes the status of each answer to standard error, from where it is read and taken out. */
const CURLRC = 'write-out = "%{stderr}\\nHTTP-STATUS %{http_code}\\n"\n';
const STATUS = /\n?HTTP-STATUS (\d+)\n/g;

/** Milliseconds that a block may take. */
const LIMIT = 120_000;

/** As an npm that finds everything installed and built: it runs the same code, compiled together with the tests. */
const SERVER = join(ROOT, "build", "js", "src", "main.js");
const STAND_INS = {
  npm: `case "$*" in ci) ;; start) exec node ${SHORT_LIVED.join(" ")} "${SERVER}" ;; *) echo "npm $*?" >&2; exit 64 ;; esac`,
  npx: `[ "$1" = jeton ] || { echo "npx $*?" >&2; exit 64; }; shift; exec node "$HOME/ask.mjs" "$HOME/desk" "$@"`,
} as const;

/** Prepares a folder to paste into, which becomes this process's own, and returns the environment of its terminals. */
export async function prepareTerminals(t: Test, folder: string, env: Environment): Promise<Environment> {
  const home = join(folder, "..", "home");
  await mkdir(join(home, "bin"), { recursive: true });
  process.chdir(folder);
  await openDesk(t, join(home, "desk"), join(home, "ask.mjs"));
  await writeFile(join(home, ".curlrc"), CURLRC);
  for (const [name, script] of Object.entries(STAND_INS)) {
    await writeFile(join(home, "bin", name), `#!/bin/sh\n${script}\n`);
    await chmod(join(home, "bin", name), 0o755);
  }
  const path = [join(home, "bin"), dirname(process.execPath), process.env.PATH].join(":");
  return { ...withDate(), ...env, HOME: home, PATH: path, BLOCKS: join(home, "bin") };
}

/** A terminal: its variables and functions last from one block to the next. It closes with its test. */
export class Terminal {
  readonly #shell: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #env: Environment;
  #said = { stdout: "", stderr: "" };
  #isClosed = false;
  #blocks = 0;

  constructor(t: Test, folder: string, env: Environment) {
    this.#env = env;
    this.#shell = bash(folder, env, []);
    this.#closed = once(this.#shell, "close").then(() => (this.#isClosed = true));
    for (const name of ["stdout", "stderr"] as const) {
      this.#shell[name]!.setEncoding("utf8").on("data", (text: string) => (this.#said[name] += text));
    }
    // What is closed already reads no more; its exit code says why.
    this.#shell.stdin!.on("error", () => {});
    // A reader sees when a command fails or a variable is empty; the shell has to be told to.
    this.#shell.stdin!.write("set -euo pipefail\n");
    t.teardown(async () => {
      this.#shell.stdin!.end();
      await this.#closed;
    });
  }

  /** Pastes a block, and waits until all of its commands have ended. */
  async paste(block: string): Promise<Pasted> {
    this.#blocks += 1;
    this.#said = { stdout: "", stderr: "" };
    const file = join(this.#env.BLOCKS!, `block-${process.hrtime.bigint()}.sh`);
    await writeFile(file, block);
    const end = `end-of-block-${this.#blocks}`;
    this.#shell.stdin!.write(`. "${file}"; echo "${end}"; echo "${end}" >&2\n`);
    const hasEnded = () => Object.values(this.#said).every((text) => text.endsWith(`${end}\n`));
    await until("the block ends", () => this.#isClosed || hasEnded(), LIMIT);
    const [stdout, stderr] = [this.#said.stdout, this.#said.stderr].map((text) => text.replace(`${end}\n`, ""));
    return {
      code: hasEnded() ? 0 : (this.#shell.exitCode ?? 1),
      stdout: stdout!,
      stderr: stderr!.replace(STATUS, ""),
      statuses: [...stderr!.matchAll(STATUS)].map(([, status]) => Number(status)),
    };
  }
}

/** A program that stays in the foreground of a terminal of its own, until Ctrl-C. */
export interface Foreground {
  /** Presses Ctrl-C, and waits for the end. */
  end(): Promise<void>;
}

/** Pastes a block whose last command goes on, and waits until that command says that it is ready. */
export async function pasteForeground(t: Test, folder: string, env: Environment, block: string): Promise<Foreground> {
  const program = bash(folder, env, ["-euo", "pipefail", "-c", block]);
  let said = "";
  for (const stream of [program.stdout!, program.stderr!]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  let isClosed = false;
  const closed = once(program, "close").then(() => (isClosed = true));
  const end = async () => {
    if (!isClosed) process.kill(-program.pid!, "SIGINT");
    await closed;
  };
  t.teardown(end);
  await until(
    "the program is ready",
    () => {
      if (isClosed) throw new Error(`it ended before it was ready: ${said}`);
      return /"msg":"ready on |^open http/m.test(said);
    },
    LIMIT,
  );
  return { end };
}

/** By env(1), because the test runner adds its own loader to every environment that is handed to spawn. */
function bash(cwd: string, env: Environment, args: readonly string[]): ChildProcess {
  const pairs = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return spawn("env", ["-i", ...pairs, "bash", "--norc", "--noprofile", ...args], { cwd, detached: true });
}
