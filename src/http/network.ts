import { isIP } from "node:net";

/**
 * The network of an address, by which limits count: an IPv4 address, or the first 64 bits of an IPv6 address, because
 * every customer has at least those (RFC 6177). The address is brought to canonical form, so that a mapped form
 * (`::ffff:192.0.2.1`), a zone or a port cannot evade a limit.
 */
export function networkOf(address: string): string {
  if (isIP(address) === 4) return address;
  const bare = bareAddress(address);
  if (isIP(bare) !== 6) return bare;
  const groups = groupsOf(bare);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join(".");
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** Whether an address or a host name is that of this machine alone. */
export function isLoopback(host: string): boolean {
  const bare = bareAddress(host).replace(/^::ffff:/i, "");
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** An address without port and zone. */
export function bareAddress(text: string): string {
  const [, inBrackets] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  return (inBrackets ?? text.replace(/^([\d.]+):\d+$/, "$1")).replace(/%.*$/, "");
}

/** The eight groups of an IPv6 address, in the canonical form of the URL standard. */
function groupsOf(address: string): readonly number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head, tail] = canonical.split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array<string>(8 - head!.length - (tail?.length ?? 0)).fill("0");
  return [...head!, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}
