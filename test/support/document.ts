import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./root.js";

/** What a page asks its reader to do, in the order in which it stands there. */
export type Part = Block | Steps;

/** A fenced block with the paragraphs around it. */
export interface Block {
  readonly kind: "block";
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** The paragraph directly before the block, and the one directly after it; empty where there is none. */
  readonly before: string;
  readonly after: string;
  /** Why the block is only shown; undefined where it is to be run. */
  readonly reason: string | undefined;
}

/** A numbered list whose first step opens an address: what a person does in a browser. */
export interface Steps {
  readonly kind: "steps";
  readonly line: number;
  readonly items: readonly string[];
}

/** A block is only an illustration where the paragraph before it ends with `*Not run by the tests: the reason.*`. */
const REASON = /\*Not run by the tests: ([^*]+)\*$/;

const FIRST_STEP = /^1\. Open `https?:/;

/** The blocks and browser steps of a page of this repository. */
export async function partsOf(page: string): Promise<readonly Part[]> {
  const chunks = chunksOf((await readFile(join(ROOT, page), "utf8")).split("\n"));
  return chunks.flatMap((chunk, index): Part[] => {
    if (chunk.language === undefined) {
      return FIRST_STEP.test(chunk.text) ? [{ kind: "steps", line: chunk.line, items: itemsOf(chunk.text) }] : [];
    }
    const before = paragraph(chunks[index - 1]);
    const reason = REASON.exec(before)?.[1];
    const around = { before, after: paragraph(chunks[index + 1]), reason };
    return [{ kind: "block", line: chunk.line, language: chunk.language, text: chunk.text, ...around }];
  });
}

/** A paragraph, or a block with its language. */
interface Chunk {
  readonly line: number;
  readonly text: string;
  readonly language?: string;
}

function chunksOf(lines: readonly string[]): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const language = /^```(\S*)$/.exec(lines[at]!)?.[1];
    const length = lines
      .slice(at + 1)
      .findIndex((line) => (language === undefined ? endsParagraph(line) : line === "```"));
    const end = length < 0 ? lines.length : at + 1 + length;
    if (language !== undefined) {
      chunks.push({ line: at + 1, language, text: lines.slice(at + 1, end).join("\n") });
      at = end;
    } else if (lines[at] !== "") {
      chunks.push({ line: at + 1, text: lines.slice(at, end).join("\n") });
      at = end - 1;
    }
  }
  return chunks;
}

function endsParagraph(line: string): boolean {
  return line === "" || line.startsWith("```");
}

function paragraph(chunk: Chunk | undefined): string {
  return chunk?.language === undefined ? (chunk?.text.replace(/\s+/g, " ").trim() ?? "") : "";
}

function itemsOf(list: string): readonly string[] {
  return list
    .split(/^\d+\. /m)
    .slice(1)
    .map((item) => item.replace(/\s+/g, " ").trim());
}
