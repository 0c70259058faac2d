import { createServer, type Server } from "node:net";
import { writeFile } from "node:fs/promises";
import type { Test } from "tap";
import { jetonHere, type Environment, type Said } from "./process.js";

/** What a terminal asks the command line to do. */
interface Asked {
  readonly args: readonly string[];
  readonly env: Environment;
  readonly stdin: string;
}

/** A program that asks for a command as `npx jeton` is asked, and says and ends with what the command does. */
const ASK = `import { connect } from "node:net";
import { text } from "node:stream/consumers";
const [, , socket, ...args] = process.argv;
const wantsInput = args.some((one) => one === "-" || one.endsWith("-stdin"));
const desk = connect({ path: socket, allowHalfOpen: true });
desk.end(JSON.stringify({ args, env: process.env, stdin: wantsInput ? await text(process.stdin) : "" }));
const { code, stdout, stderr } = JSON.parse(await text(desk));
process.stderr.write(stderr);
process.stdout.write(stdout, () => process.exit(code));
`;

/**
 * Runs commands for the terminals of a test without a process for each, most of whose time is spent on loading.
 * @param socket where it is asked
 * @param program where the program that asks is written
 */
export async function openDesk(t: Test, socket: string, program: string): Promise<void> {
  await writeFile(program, ASK);
  const desk: Server = createServer({ allowHalfOpen: true }, (terminal) => {
    let said = "";
    // A terminal that was closed reads no more.
    terminal.on("error", () => {});
    terminal.setEncoding("utf8").on("data", (text: string) => (said += text));
    terminal.on(
      "end",
      () => void answer(JSON.parse(said) as Asked).then((ended) => terminal.end(JSON.stringify(ended))),
    );
  });
  await new Promise<void>((resolve) => desk.listen(socket, resolve));
  t.teardown(() => desk.close());
}

/** An error goes to the caller of the command. */
function answer({ args, env, stdin }: Asked): Promise<Said> {
  return jetonHere(env, args, stdin).catch((error: Error) => ({ code: 1, stdout: "", stderr: `${error.stack}\n` }));
}
