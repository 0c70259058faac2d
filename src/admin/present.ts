/** An object without the members that are undefined: the command line prints every member. */
export function present<T extends object>(one: T): T {
  return Object.fromEntries(Object.entries(one).filter(([, value]) => value !== undefined)) as T;
}
