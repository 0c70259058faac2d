#!/usr/bin/env node
import { text } from "node:stream/consumers";
import { setFlagsFromString } from "node:v8";
import { runCommandLine } from "./command-line.js";
import { OperatorError, UnfinishedError } from "./errors/operator-error.js";

// `jeton …` as a process. Progress goes to standard error. It exits with 0, or with 1 after one line.
// Prisma's WebAssembly is compiled without optimisation, which takes more CPU and memory than most commands do.
setFlagsFromString("--liftoff-only");
// A reader such as head(1) may close the pipe early. The output has no reader then.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));
const report = (line: string) => process.stderr.write(`${line}\n`);
runCommandLine(process.argv.slice(2), () => text(process.stdin), undefined, undefined, report).then(
  (printed) => {
    process.stdout.write(`${printed}\n`, () => process.exit(0));
  },
  (error: unknown) => {
    if (error instanceof UnfinishedError) process.stdout.write(`${error.printed}\n`);
    console.error(error instanceof OperatorError ? `jeton: ${error.message}` : error);
    process.exit(1);
  },
);
