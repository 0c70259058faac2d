/**
 * The English of a file as the rules of docs/contributing.md see it. Code, table rows and quoted words are no sentences of
 * ours, so they are left out.
 */

/** Most words in a sentence (docs/contributing.md). */
export const MAX_WORDS = 25;

/** The sentences of a Markdown page. */
export function sentencesOfPage(text: string): readonly string[] {
  const blocks = text.replace(/^```.*?^```/gms, "\n").split(/\n\s*\n|\n(?=[-#|]|\d+\. )/);
  return blocks.filter((block) => !block.startsWith("|")).flatMap(sentencesOf);
}

/** The sentences of the comments of a TypeScript file: docstrings, and lines that are comments as a whole. */
export function sentencesOfComments(text: string): readonly string[] {
  const docstrings = [...text.matchAll(/\/\*\*(.*?)\*\//gs)].map(([, body]) => body!.replace(/^\s*\* ?/gm, ""));
  const lines = [...text.matchAll(/(?:^[ \t]*\/\/.*\n)+/gm)].map(([block]) => block.replace(/^\s*\/\/ ?/gm, ""));
  return [...docstrings, ...lines].flatMap((block) => block.split(/\n\s*\n|\n(?=@|- )/)).flatMap(sentencesOf);
}

/** The names of the tests of a TypeScript file, without the values that a template puts in. */
export function testNames(text: string): readonly string[] {
  const calls = text.matchAll(/\.test\(\s*(?:"([^"\n]*)"|`([^`\n]*)`)/g);
  return [...calls].map(([, plain, template]) => plain ?? template!.replace(/\$\{[^}]*\}/g, "…"));
}

/** A sentence ends at a full stop, a colon and the like, also inside a bold heading or quotation marks. */
function sentencesOf(block: string): readonly string[] {
  const line = block.replace(/\s+/g, " ").trim();
  return line.split(/(?<=[.!?:;][*_)"'`]*) /).filter((sentence) => sentence !== "");
}

/** The sentences that have too many words. A link counts as its text. */
export function tooLong(sentences: readonly string[]): readonly string[] {
  return sentences.filter((sentence) => {
    const words = sentence.replace(/\]\([^)]*\)/g, "]").split(" ");
    return words.filter((word) => /\w/.test(word)).length > MAX_WORDS;
  });
}

/** The sentences with one of some words, outside `code`. Case does not matter. */
export function withAvoidedWord(sentences: readonly string[], words: readonly string[]): readonly string[] {
  const avoided = new RegExp(`\\b(?:${words.join("|")})\\b`, "i");
  return sentences.filter((sentence) => avoided.test(sentence.replace(/`[^`]*`/g, "")));
}
