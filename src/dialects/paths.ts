/** Whether a path matches the pattern of a route. `:name` matches any one segment that is not empty. */
export function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const parts = path.split("/");
  return wanted.length === parts.length && wanted.every((one, index) => isMeant(one, parts[index]!));
}

function isMeant(wanted: string, part: string): boolean {
  return wanted.startsWith(":") ? part !== "" : wanted === part;
}
