import { isIP } from "node:net";

/**
 * The network an address belongs to, which is what limits count by: an IPv4 address is one, of IPv6 the first 64 bits
 * are, because every customer has at least those (RFC 6177). One address has one spelling, so that a mapped one
 * (`::ffff:192.0.2.1`), a zone or a port that a proxy wrote behind it is no way around a limit.
 */
export function networkOf(address: string): string {
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

/** An address without the port or the zone that may stand behind it. */
export function bareAddress(text: string): string {
  const [, inBrackets] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? [];
  return (inBrackets ?? text.replace(/^([\d.]+):\d+$/, "$1")).replace(/%.*$/, "");
}

/** The eight groups of an IPv6 address; the URL standard brings each to one spelling. */
function groupsOf(address: string): readonly number[] {
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head, tail] = canonical.split("::").map((part) => part.split(":").filter(Boolean));
  const zeros = Array<string>(8 - head!.length - (tail?.length ?? 0)).fill("0");
  return [...head!, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}
