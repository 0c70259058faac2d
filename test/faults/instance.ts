import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { ROOT } from "../support/root.js";
import type { Proxy } from "./proxy.js";

const MAIN = join(ROOT, "build", "js", "src", "main.js");
const SHIFTED_CLOCK = new URL("./shifted-clock.js", import.meta.url).href;

/** From when until when something was so; `until` is Infinity while it still is. */
export interface Span {
  readonly from: number;
  until: number;
  readonly value: number;
}

/** One server process behind a proxy of its own, which can be killed, stopped, frozen, and given a wrong clock. */
export class Instance {
  /** A client closes an idle connection before the server does, which waits 72 s: else a request may meet the closing. */
  readonly agent = new Agent({ keepAlive: true, maxSockets: 256, timeout: 60_000 });
  /** When it did not run, or was ending. */
  readonly down: Span[] = [];
  /** When it was frozen. */
  readonly frozen: Span[] = [];
  /** By how many milliseconds its clock was wrong. */
  readonly skewed: Span[] = [];
  readonly #log: WriteStream;
  readonly #clock: string;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(0);
  #port = 0;

  constructor(
    readonly name: string,
    readonly proxy: Proxy,
    private readonly environment: Readonly<Record<string, string>>,
    folder: string,
    private readonly now: () => number,
  ) {
    this.#log = createWriteStream(join(folder, `${name}.log`));
    this.#clock = join(folder, `${name}.clock`);
    this.down.push({ from: 0, until: Infinity, value: 0 });
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number | undefined {
    return this.isUp ? this.#child?.pid : undefined;
  }

  get isUp(): boolean {
    return this.down.at(-1)?.until !== Infinity;
  }

  /** Starts it; returns once it takes connections, which is before it is ready. */
  async start(): Promise<void> {
    const given = { PATH: process.env.PATH ?? "", ...this.environment, PORT: String(this.#port) };
    const preload = { NODE_OPTIONS: `--import ${SHIFTED_CLOCK}`, FAULTS_CLOCK: this.#clock };
    const child = spawn(process.execPath, [MAIN], {
      cwd: tmpdir(),
      env: { ...given, ...preload },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
    child.stderr.pipe(this.#log, { end: false });
    const ready = new Promise<void>((resolve, reject) => {
      void this.#ended.then(() => reject(new Error(`instance ${this.name} ended while it started`)));
      createInterface(child.stdout).on("line", (line) => {
        this.#log.write(`${line}\n`);
        const [, port] = /"msg":"ready on http:\/\/127\.0\.0\.1:(\d+)"/.exec(line) ?? [];
        if (port !== undefined) resolve(void (this.#port = Number(port)));
      });
    });
    // The first time its port is unknown until it logs it.
    if (this.#port === 0) await ready;
    else await Promise.race([ready, this.#takesConnections()]);
    ready.catch(() => {});
    this.down.at(-1)!.until = this.now();
  }

  async #takesConnections(): Promise<void> {
    while (
      !(await fetch(`http://127.0.0.1:${this.#port}/healthz`).then(
        (reply) => reply.ok,
        () => false,
      ))
    )
      await pause(20);
  }

  /** Kills it. */
  async kill(): Promise<void> {
    this.down.push({ from: this.now(), until: Infinity, value: 0 });
    this.#child?.kill("SIGKILL");
    await this.#ended;
    this.agent.destroy();
  }

  /** Ends it in order. @returns its exit code, or null where it had to be killed because it did not end */
  async stop(): Promise<number | null> {
    this.down.push({ from: this.now(), until: Infinity, value: 0 });
    this.#child?.kill("SIGTERM");
    const tired = setTimeout(() => this.#child?.kill("SIGKILL"), MAX_STOP);
    const code = await this.#ended;
    clearTimeout(tired);
    this.agent.destroy();
    return code;
  }

  /** Stops it where it is. What it returns lets it go on. */
  freeze(): () => void {
    const span = { from: this.now(), until: Infinity, value: 0 };
    this.frozen.push(span);
    this.#child?.kill("SIGSTOP");
    return () => {
      this.#child?.kill("SIGCONT");
      span.until = this.now();
    };
  }

  /** @param offset milliseconds between its clock and the machine's, from now on */
  async shiftClock(offset: number): Promise<void> {
    const last = this.skewed.at(-1);
    if (last?.until === Infinity) last.until = this.now() + CLOCK_DELAY;
    if (offset !== 0) this.skewed.push({ from: this.now(), until: Infinity, value: offset });
    await writeFile(`${this.#clock}.new`, String(offset));
    await rename(`${this.#clock}.new`, this.#clock);
    await pause(CLOCK_DELAY);
  }

  closeLog(): void {
    this.#log.end();
  }
}

/** Milliseconds that an instance has to end in: it may take 10 s to let the last answers out. */
const MAX_STOP = 30_000;

/** Milliseconds within which a running process sees the new offset of its clock. */
const CLOCK_DELAY = 250;
