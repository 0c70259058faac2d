/** The list of resources of a server (RFC 6690). */

export const CORE_PATH = "/.well-known/core";

/** A resource with its attributes. An attribute may have several values. */
export interface Link {
  readonly path: string;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

/**
 * Writes the links that a query asks for (section 4.1): `rt=value`, or `rt=prefix*`, or the same for another attribute.
 * @param query the values of Uri-Query
 */
export function writeLinks(links: readonly Link[], query: readonly string[]): string {
  return links
    .filter((link) => query.every((condition) => meets(link, condition)))
    .map(({ path, attributes }) => [`<${path}>`, ...Object.entries(attributes).map(write)].join(";"))
    .join(",");
}

function write([name, values]: readonly [string, readonly string[]]): string {
  return `${name}="${values.join(" ")}"`;
}

function meets({ path, attributes }: Link, condition: string): boolean {
  const equals = condition.indexOf("=");
  const name = equals < 0 ? condition : condition.slice(0, equals);
  const wanted = equals < 0 ? "*" : condition.slice(equals + 1);
  const values = name === "href" ? [path] : (new Map(Object.entries(attributes)).get(name) ?? []);
  return values.some((value) => (wanted.endsWith("*") ? value.startsWith(wanted.slice(0, -1)) : value === wanted));
}
