/** Whether a path is one that a route's pattern means: `:name` stands for one segment, whatever it is. */
export function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  return wanted.length === parts.length && wanted.every((one, index) => isMeant(one, parts[index]!));
}

function isMeant(wanted: string, part: string): boolean {
  return wanted.startsWith(":") ? part !== "" : wanted === part;
}
