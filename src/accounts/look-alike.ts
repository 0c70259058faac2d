import unhomoglyph from "unhomoglyph";

/** Names that look like another name (Unicode Technical Standard 39). They are refused at self-registration. */

/** Characters without a glyph. */
const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * The skeleton of a name (UTS 39 section 4): two names with the same skeleton look alike. Skeletons are compared and
 * never shown.
 * @param name in its normalised form
 */
export function skeletonOf(name: string): string {
  const replaced = unhomoglyph(name.normalize("NFD").replace(IGNORABLE, ""));
  // Some characters look like a capital letter: "0" like "O".
  return unhomoglyph(replaced.toLowerCase().normalize("NFD")).toLowerCase().normalize("NFC");
}

/** Scripts in modern use (UAX 31 table 5). */
const SCRIPTS = [
  ...["Arabic", "Armenian", "Bengali", "Bopomofo", "Cyrillic", "Devanagari", "Ethiopic", "Georgian", "Greek"],
  ...["Gujarati", "Gurmukhi", "Hangul", "Han", "Hebrew", "Hiragana", "Kannada", "Katakana", "Khmer", "Lao", "Latin"],
  ...["Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan"],
];

/** Scripts that are used together (UTS 39 section 5.2, highly restrictive). */
const TOGETHER = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Bopomofo"],
  ["Latin", "Han", "Hangul"],
];

/** Patterns of names in one script, or in scripts that are used together. Digits and signs belong to all of them. */
const SCRIPT_SETS = [...SCRIPTS.map((script) => [script]), ...TOGETHER].map((scripts) => {
  const classes = ["Common", "Inherited", ...scripts].map((script) => `\\p{Script_Extensions=${script}}`);
  return new RegExp(`^[${classes.join("")}]*$`, "u");
});

/** Whether a name mixes scripts that are not used together. */
export function mixesScripts(name: string): boolean {
  return !SCRIPT_SETS.some((writing) => writing.test(name));
}
