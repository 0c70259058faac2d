import { createReadStream } from "node:fs";
import { open, readFile, type FileHandle } from "node:fs/promises";
import { createInterface } from "node:readline";
import { z } from "zod";
import { exportLines } from "../audit/export.js";
import { LogFault } from "../audit/fault.js";
import { readLine, type Line } from "../audit/lines.js";
import { readNoteKey, type NoteKey } from "../audit/note.js";
import { checkProof, isProof, readProof } from "../audit/proof.js";
import { proofOf } from "../audit/prove.js";
import { verifyLog, type Trust, type Verified } from "../audit/verify.js";
import { verifyStored } from "../audit/verify-stored.js";
import { replaceFile } from "../durable-file.js";
import { codeOf } from "../errors/error-code.js";
import { OperatorError } from "../errors/operator-error.js";
import { atOneMoment } from "../store/open.js";
import { file as path, name } from "./arguments.js";
import { existingEntry } from "./audit.js";
import { localCommand, type AnyCommand, type LocalContext } from "./command.js";

/** The audit log in files: exported, and verified offline. */

const WRITTEN = z.looseObject({ file: z.string() });

interface ExportInput {
  readonly id?: string | undefined;
  readonly file?: string | undefined;
}

async function exportLog({
  core,
  input: { id, file },
}: LocalContext<ExportInput>): Promise<string | z.output<typeof WRITTEN>> {
  await core.audit.append("wait");
  if (id !== undefined) {
    const proof = await proofOf(core.db, await existingEntry(core, id));
    if (file === undefined) return proof;
    await write(file, (opened) => opened.writeFile(proof), core.random);
    return { file, id };
  }
  if (file === undefined) throw new OperatorError("name a record, or --file for the whole log");
  const records = await write(
    file,
    (opened) => atOneMoment(core.db, (tx) => writeLines(opened, exportLines(tx))),
    core.random,
  );
  return { file, records };
}

async function write<T>(
  file: string,
  content: (opened: FileHandle) => Promise<T>,
  random: LocalContext<unknown>["core"]["random"],
): Promise<T> {
  return replaceFile(file, content, random).catch((error: unknown) => {
    const { syscall, code } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new OperatorError(`${file} cannot be written (${code})`);
  });
}

/** Characters per write. */
const CHUNK = 256 * 1024;

/** @returns the number of records */
async function writeLines(file: FileHandle, lines: AsyncIterable<Line>): Promise<number> {
  let records = 0;
  let waiting = "";
  for await (const line of lines) {
    if ("index" in line) records += 1;
    waiting += `${JSON.stringify(line)}\n`;
    if (waiting.length < CHUNK) continue;
    await file.appendFile(waiting);
    waiting = "";
  }
  await file.appendFile(waiting);
  return records;
}

const VERIFY = z.strictObject({
  file: path.optional().meta({ description: "exported log, or proof of a record; without it the database" }),
  checkpoint: path.optional().meta({ description: "file with a checkpoint that was kept outside" }),
  public_key: name.optional().meta({ description: "public key of the log" }),
});

type VerifyInput = z.output<typeof VERIFY>;

/** A log, or a proof, that was found to be whole. */
const WHOLE = z.looseObject({ whole: z.literal(true) });

type Whole = z.output<typeof WHOLE>;

/** Verifies a file, without a database. @returns undefined if no file is named */
async function verifyFile(input: VerifyInput): Promise<readonly Whole[] | undefined> {
  const { file } = input;
  if (file === undefined) return undefined;
  const trust = await trustOf(input);
  const handle = await open(file).catch((error: unknown) => {
    throw new OperatorError(`${file} cannot be read (${codeOf(error)})`);
  });
  await handle.close();
  const start = await firstLine(file);
  if (isProof(`${start}\n`)) return verifyProof(await readFile(file, "utf8"), trust);
  return shown(await verifyLog(linesOf(file), trust), trust);
}

async function firstLine(file: string): Promise<string> {
  for await (const line of createInterface({ input: createReadStream(file) })) return line;
  return "";
}

async function* linesOf(file: string): AsyncGenerator<Line | undefined> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
    yield readLine(line);
}

function verifyProof(text: string, { key }: Trust): readonly Whole[] {
  const proof = readProof(text);
  if (proof === undefined) throw new OperatorError("the proof is malformed");
  if (key === undefined) throw new OperatorError("a proof needs --public-key");
  const checked = checkProof(proof, key);
  if ("fault" in checked) throw new LogFault(checked.fault);
  const { origin, size } = checked.checkpoint;
  return [{ whole: true, origin, records: size, index: proof.index, record: JSON.parse(checked.record) as object }];
}

async function verify({ core, input }: LocalContext<VerifyInput>): Promise<readonly Whole[]> {
  const trust = await trustOf(input);
  return shown(await verifyStored(core.db, trust), trust);
}

async function trustOf({ checkpoint, public_key }: VerifyInput): Promise<Trust> {
  return {
    key: public_key === undefined ? undefined : publicKey(public_key),
    checkpoint: checkpoint === undefined ? undefined : await readText(checkpoint),
  };
}

function publicKey(text: string): NoteKey {
  const key = readNoteKey(text);
  if (key === undefined)
    throw new OperatorError("--public-key: is not a key such as example.com/audit/0a1b2c+1a2b3c4d+AbCd…");
  return key;
}

function readText(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: unknown) => {
    throw new OperatorError(`${file} cannot be read (${codeOf(error)})`);
  });
}

function shown(verified: readonly Verified[], { key }: Trust): readonly Whole[] {
  const unknown =
    "the key is the one that the log names itself: compare it with the one you know, or give --public-key";
  return verified.map(({ checkpoint: _note, ...one }) => ({
    whole: true as const,
    ...one,
    ...(key === undefined ? { warnings: [unknown] } : {}),
  }));
}

export const AUDIT_FILE_COMMANDS: readonly AnyCommand[] = [
  localCommand({
    name: "audit export",
    does: "prints the proof of one record, or writes the whole log to a file of JSON lines",
    local: "It writes a file of the machine; audit proof serves the proof of one record.",
    subject: "id",
    input: z.strictObject({
      id: name.optional().meta({ description: "number of a record, such as 1-42" }),
      file: path.optional().meta({ description: "file to write" }),
    }),
    output: z.union([z.string(), WRITTEN]),
    run: exportLog,
  }),
  localCommand({
    name: "audit verify",
    does: "verifies the log, in the database or in a file, and names the first record that is not as it was appended",
    local: "A server that vouches for its own log proves nothing.",
    subject: "file",
    input: VERIFY,
    output: z.array(WHOLE),
    runAlone: verifyFile,
    run: verify,
  }),
];
