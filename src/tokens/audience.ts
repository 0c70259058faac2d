/** The audiences of the declared ones among these scopes, else the issuer (RFC 9068 section 3). */
export function audienceOf(
  scope: readonly string[],
  declared: ReadonlyMap<string, { readonly audience: string | null }>,
  issuer: string,
): string | string[] {
  const audiences = new Set<string>();
  for (const name of scope) {
    const audience = declared.get(name)?.audience;
    if (typeof audience === "string") audiences.add(audience);
  }
  const [first = issuer, ...more] = audiences;
  return more.length === 0 ? first : [first, ...more];
}
