import {
  countLines,
  isSection,
  lineOfFault,
  MAX_ENTRY,
  parseEntry,
  ProvisioningError,
  RepeatedName,
  type RawEntry,
} from "./raw-entry.js";
import type { Section } from "./schema.js";

/**
 * Reads a provisioning file that is one JSON document: an object whose members are lists of entries. It is read piece by piece,
 * with one entry in memory at a time, because a file may be larger than the memory.
 */

/** The delimiters outside of strings, and the end of a string or an escaped character inside one. */
const STRUCTURE = /["{}[\],:]/g;
const IN_STRING = /["\\]/g;

const SPACE = /^\s*$/;

export class JsonEntries {
  /** The text that is not processed yet, and the position in it. */
  #text = "";
  #at = 0;
  /** The start of the current key, value or entry. */
  #start = 0;
  /** The position up to which lines are counted, and their number. */
  #counted = 0;
  #line = 1;
  #inString = false;
  /** The number of open brackets. */
  #depth = 0;
  #isOver = false;
  /** The section of the current list, and the index of its next entry. */
  #section: Section | undefined;
  #index = 0;
  /** The name of the current member, and whether its list has been read. */
  #name: string | undefined;
  #hasList = false;
  readonly #names = new Set<string>();
  #found: RawEntry[] = [];

  /** Reads the next piece. @returns the entries that end in it @throws ProvisioningError if the document is malformed */
  push(piece: string): readonly RawEntry[] {
    this.#lineAt(this.#start);
    this.#text = this.#text.slice(this.#start) + piece;
    this.#at -= this.#start;
    this.#counted -= this.#start;
    this.#start = 0;
    while (this.#step());
    if (this.#text.length > MAX_ENTRY + piece.length) {
      this.#refuseUnknown();
      throw this.#error(`one entry is longer than ${MAX_ENTRY} characters`);
    }
    const found = this.#found;
    this.#found = [];
    return found;
  }

  /** @throws ProvisioningError if the document is incomplete */
  end(): void {
    if (!this.#isOver || !SPACE.test(this.#text.slice(this.#start))) throw this.#notJson();
  }

  /** Advances to the next delimiter. @returns whether there is one */
  #step(): boolean {
    const pattern = this.#inString ? IN_STRING : STRUCTURE;
    pattern.lastIndex = this.#at;
    const index = pattern.exec(this.#text)?.index;
    if (index === undefined) {
      this.#at = Math.max(this.#at, this.#text.length);
      return false;
    }
    const character = this.#text[index]!;
    // The escaped character may come first in the next piece.
    this.#at = index + (character === "\\" ? 2 : 1);
    if (character === '"') this.#inString = !this.#inString;
    else if (!this.#inString) this.#meet(character, index);
    return true;
  }

  #meet(character: string, index: number): void {
    if (this.#isOver) throw this.#notJson();
    if (this.#depth === 0) return this.#begin(character, index);
    if (character === "{" || character === "[") {
      this.#depth += 1;
      if (this.#depth === 2 && this.#name !== undefined && isSection(this.#name)) this.#beginSection(character, index);
    } else if (character === "}" || character === "]") {
      this.#depth -= 1;
      if (this.#depth === 1 && this.#section !== undefined) this.#endSection(character, index);
      else if (this.#depth === 0) this.#endDocument(character, index);
    } else if (character === ",") {
      if (this.#depth === 2) this.#endEntry(index);
      else if (this.#depth === 1) this.#endMember(index);
    } else if (this.#depth === 1) {
      this.#readName(index);
    }
  }

  #begin(character: string, index: number): void {
    if (!SPACE.test(this.#text.slice(this.#start, index))) throw this.#notJson();
    if (character !== "{") throw new ProvisioningError("the file: must be an object of lists");
    this.#depth = 1;
    this.#start = index + 1;
  }

  #readName(index: number): void {
    const name = this.#parse(this.#text.slice(this.#start, index));
    if (typeof name !== "string" || this.#name !== undefined) throw this.#notJson();
    if (this.#names.has(name)) throw this.#error("stands twice", name);
    this.#names.add(name);
    this.#name = name;
    this.#start = index + 1;
  }

  #beginSection(character: string, index: number): void {
    if (this.#hasList || !SPACE.test(this.#text.slice(this.#start, index))) throw this.#notJson();
    if (character !== "[") throw this.#error("must be a list", this.#name);
    this.#section = this.#name as Section;
    this.#index = 0;
    this.#start = index + 1;
  }

  #endSection(character: string, index: number): void {
    if (character !== "]") throw this.#notJson();
    const isEmpty = this.#index === 0 && SPACE.test(this.#text.slice(this.#start, index));
    if (!isEmpty) this.#endEntry(index);
    this.#section = undefined;
    this.#hasList = true;
    this.#start = index + 1;
  }

  /** After the value of a member, which was a list. */
  #endMember(index: number): void {
    const rest = this.#text.slice(this.#start, index);
    if (this.#name === undefined) throw this.#notJson();
    if (!this.#hasList) {
      this.#parse(rest);
      this.#refuseUnknown();
      throw this.#error("must be a list", this.#name);
    }
    if (!SPACE.test(rest)) throw this.#notJson();
    this.#name = undefined;
    this.#hasList = false;
    this.#start = index + 1;
  }

  #refuseUnknown(): void {
    if (this.#name !== undefined && !isSection(this.#name)) throw this.#error("there is no such key", this.#name);
  }

  #endDocument(character: string, index: number): void {
    const isEmpty = this.#names.size === 0 && SPACE.test(this.#text.slice(this.#start, index));
    if (character !== "}") throw this.#notJson();
    if (!isEmpty) this.#endMember(index);
    this.#isOver = true;
    this.#start = index + 1;
  }

  #endEntry(index: number): void {
    const section = this.#section;
    if (section === undefined) return;
    const text = this.#text.slice(this.#start, index);
    const line = this.#lineAt(this.#start + (/\S/.exec(text)?.index ?? 0));
    const name = `${section}[${this.#index}]`;
    const place = { name, line, hasOwnLines: false };
    try {
      this.#found.push({ place, section, raw: parseEntry(text) });
    } catch (error) {
      // The parser is recursive, so deep nesting exhausts its stack.
      if (error instanceof RangeError) throw this.#error("is nested too deeply", name);
      if (!(error instanceof RepeatedName)) throw this.#notJson(lineOfFault(text.trimStart(), error, line), name);
      this.#found.push({ place, fault: error.message });
    }
    this.#index += 1;
    this.#start = index + 1;
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw this.#notJson();
    }
  }

  #lineAt(index: number): number {
    this.#line += countLines(this.#text, this.#counted, index);
    this.#counted = index;
    return this.#line;
  }

  #notJson(line = this.#lineAt(Math.min(this.#at, this.#text.length)), name = ""): ProvisioningError {
    return new ProvisioningError(`it is not JSON (line ${line}${name && `, in ${name}`})`);
  }

  #error(message: string, name = "the file"): ProvisioningError {
    return new ProvisioningError(`${name}: ${message}`);
  }
}
