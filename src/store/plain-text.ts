/**
 * Whether PostgreSQL stores a text unchanged. It refuses U+0000 and silently alters a lone surrogate. U+FFFD is refused because it
 * replaces bytes that were not UTF-8.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/[\0\ufffd]/.test(text);
}
