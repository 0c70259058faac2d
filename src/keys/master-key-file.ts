import { open } from "node:fs/promises";
import { join } from "node:path";
import { newSecret, type Random } from "../clock.js";
import { createFile } from "../durable-file.js";
import { OperatorError } from "../errors/operator-error.js";
import { fileModeProblem } from "../store/private-file.js";

/** The path of the generated key of an embedded deployment. */
export function masterKeyPath(dataDir: string): string {
  return join(dataDir, "master.key");
}

/**
 * The generated key, or undefined if there is none yet. @throws OperatorError if the file is invalid, or other users
 * may read it
 */
export async function readMasterKeyFile(path: string): Promise<Buffer | undefined> {
  const found = await readWithMode(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new OperatorError(`${path} cannot be read (${error.code})`);
  });
  if (found === undefined) return undefined;
  const { text, stats } = found;
  const fault = fileModeProblem(stats);
  if (fault !== undefined) throw new OperatorError(`${path} ${fault}`);
  const bytes = Buffer.from(text.trim(), "base64url");
  if (bytes.length !== 32) throw new OperatorError(`${path} does not hold a master key of 32 bytes in base64url`);
  return bytes;
}

/** Reads content and mode through one descriptor: a link may change between two calls. */
async function readWithMode(path: string) {
  const file = await open(path);
  try {
    return { text: await file.readFile("utf8"), stats: await file.stat() };
  } finally {
    await file.close();
  }
}

/**
 * Generates a key and writes it to disk before anything is encrypted under it. If another process was first, its key is
 * used.
 */
export async function makeMasterKeyFile(path: string, random: Random): Promise<Buffer> {
  await createFile(path, `${newSecret(random)}\n`, random);
  return (await readMasterKeyFile(path))!;
}
