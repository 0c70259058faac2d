/**
 * Whether a text survives storing: Postgres has no U+0000, a lone surrogate is altered silently, and U+FFFD stands where
 * bytes were not UTF-8 to begin with.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/[\0\ufffd]/.test(text);
}
