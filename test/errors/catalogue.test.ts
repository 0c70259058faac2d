import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { CATALOGUE, isCode, KINDS, row, type Code } from "../../src/errors/catalogue.js";
import { ROOT } from "../support/root.js";

const CODES = Object.keys(CATALOGUE) as Code[];

/** A message as the documents write it: slots numbered in their order. */
function numbered(message: string): string {
  let slot = 0;
  return message.replace(/\{\w+\}/g, () => `{${slot++}}`);
}

t.test("the thirty documented messages are in the catalogue, byte for byte and in their order", async (t) => {
  const fixture = await readFile(join(ROOT, "test/fixtures/token-api-messages.txt"), "utf8");
  const documented = CODES.map(row)
    .filter(({ documented }) => documented !== undefined)
    .sort((one, other) => one.documented! - other.documented!);
  t.strictSame(
    documented.map(({ message }) => numbered(message)),
    fixture.trimEnd().split("\n"),
  );
  t.strictSame(
    documented.map(({ documented }) => documented),
    Array.from({ length: 30 }, (_, index) => index + 1),
  );
});

t.test("docs/errors.md has exactly the rows of the catalogue", async (t) => {
  const page = await readFile(join(ROOT, "docs/errors.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \|.*$/gm)].map(([line]) => line);
  t.strictSame(rows, CODES.map(documentedRow));
});

t.test("every message of the catalogue is unique and a valid error_description", async (t) => {
  const messages = CODES.map((code) => CATALOGUE[code].message);
  t.equal(new Set(messages).size, messages.length);
  for (const message of messages) t.match(message, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, "RFC 6749 section 5.2");
});

t.test("a zod message is a code only if the catalogue has it", async (t) => {
  t.ok(isCode("username_missing"));
  t.notOk(isCode("toString"));
  t.notOk(isCode("Invalid input"));
});

/** The line of docs/errors.md for a code. */
function documentedRow(code: Code): string {
  const { documented, kind, message, remedy, reference } = row(code);
  const { error, status } = KINDS[kind];
  return `| \`${code}\` | ${documented ?? ""} | ${kind} | \`${error}\` | ${status} | ${message} | ${remedy} | ${reference} |`;
}
