/**
 * Whether a text survives storing: Postgres has no U+0000, a lone surrogate is altered silently, and U+FFFD stands where
 * bytes were not UTF-8 to begin with.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !/[\0\ufffd]/.test(text);
}

/** Whether every text and every name in a value of JSON is plain text, however deep it is nested. */
export function holdsPlainText(value: unknown): boolean {
  const parts = [value];
  // The list grows while it is read: a recursion would end at the stack's limit.
  for (const part of parts) {
    if (typeof part === "string" && !isPlainText(part)) return false;
    if (typeof part === "object" && part !== null) parts.push(...Object.keys(part), ...Object.values(part));
  }
  return true;
}
