import { createHmac, timingSafeEqual, type Hmac } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import type { Core } from "../core.js";
import type { Deployment } from "../deployment.js";
import { replaceFile } from "../durable-file.js";
import { OperatorError } from "../errors/operator-error.js";
import { BACKUP_FORMAT, type BackupHeader } from "../store/backup.js";

/**
 * A backup as a file: its lines, and a last one with their HMAC-SHA-256. It shows that nothing is missing or changed,
 * and that its writer had the master key.
 */

/** Bytes per write. */
const CHUNK = 256 * 1024;

/**
 * Writes a backup durably. An incomplete file never gets its name, and only its owner may read it.
 * @returns its length in bytes
 * @throws OperatorError if the file cannot be created
 */
export async function writeBackupFile(
  path: string,
  lines: AsyncIterable<string>,
  key: Buffer,
  random: Core["random"],
): Promise<number> {
  try {
    return await replaceFile(path, (file) => writeLines(file, lines, key), random);
  } catch (error) {
    const { syscall, code } = error as NodeJS.ErrnoException;
    throw syscall === "open" ? new OperatorError(`${path} cannot be written (${code})`) : error;
  }
}

async function writeLines(file: FileHandle, lines: AsyncIterable<string>, key: Buffer): Promise<number> {
  const mac = createHmac("sha256", key);
  let length = 0;
  let pending = "";
  const flush = async () => {
    const bytes = Buffer.from(pending);
    pending = "";
    length += bytes.length;
    mac.update(bytes);
    await file.appendFile(bytes);
  };
  for await (const line of lines) {
    pending += `${line}\n`;
    if (pending.length >= CHUNK) await flush();
  }
  await flush();
  const last = Buffer.from(`${JSON.stringify({ mac: mac.digest("base64url") })}\n`);
  await file.appendFile(last);
  return length + last.length;
}

const LAST = /^\{"mac":"([A-Za-z0-9_-]{43})"\}$/;

/**
 * Reads a backup: its header, and then the other lines.
 * @throws OperatorError where it is no backup; while the lines are read, where it is cut or changed
 */
export async function openBackupFile(
  path: string,
  master: Deployment["master"],
): Promise<{ readonly header: BackupHeader; readonly lines: AsyncIterable<string> }> {
  const macs = master.accepted.map((one) => createHmac("sha256", one.derive("backup")));
  const lines = checkedLines(path, macs);
  const first = await lines.next();
  const header = first.done === true ? undefined : readHeader(first.value);
  if (header === undefined) throw new OperatorError(`${path} is no backup of Jeton`);
  if (header.jeton_backup !== BACKUP_FORMAT) throw new OperatorError(`${path} is a backup of another format`);
  if (!master.accepted.some(({ fingerprint }) => fingerprint === header.master_key)) {
    throw new OperatorError("the master key is not the one this backup was written under");
  }
  return { header, lines };
}

function readHeader(line: string): BackupHeader | undefined {
  try {
    const header = JSON.parse(line) as BackupHeader;
    return typeof header.jeton_backup === "number" ? header : undefined;
  } catch {
    return undefined;
  }
}

/** Every line but the last, which has to be there and to be the MAC of the others, under one of the keys. */
async function* checkedLines(path: string, macs: readonly Hmac[]): AsyncGenerator<string> {
  let last: RegExpExecArray | null = null;
  for await (const bytes of linesOf(path)) {
    const line = bytes.toString("utf8");
    if (last !== null) throw new OperatorError(`${path} goes on after its end`);
    last = LAST.exec(line);
    if (last !== null) continue;
    for (const mac of macs) mac.update(bytes).update("\n");
    yield line;
  }
  if (last === null) throw new OperatorError(`${path} is cut off: nothing was restored`);
  const written = Buffer.from(last[1]!, "base64url");
  if (!macs.some((mac) => timingSafeEqual(mac.digest(), written))) {
    throw new OperatorError(`${path} was changed: nothing was restored`);
  }
}

/** The lines of a file, without their ends. What stands after the last line break is no line. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        yield Buffer.concat([...rest, chunk.subarray(start, end)]);
        rest = [];
        start = end + 1;
      }
      rest.push(chunk.subarray(start));
    }
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new OperatorError(`${path} cannot be read (${code})`);
  }
}
