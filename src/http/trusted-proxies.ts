import { BlockList, isIP } from "node:net";
import { bareAddress } from "./network.js";

/** Addresses whose verdict is remembered: it never changes, and each request asks for its peer's several times. */
const MAX_VERDICTS = 1_000;

/**
 * Returns a check whether an address, with or without a port, is in one of these CIDR ranges (`TRUST_PROXY`).
 * IPv4-mapped forms count as IPv4.
 */
export function trustedProxies(ranges: readonly string[]): (address: string) => boolean {
  if (ranges.length === 0) return () => false;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const { family, width } = familyOf(address);
    list.addSubnet(address, bits === undefined ? width : Number(bits), family);
  }
  const verdicts = new Map<string, boolean>();
  return (text) => {
    const known = verdicts.get(text);
    if (known !== undefined) return known;
    const address = bareAddress(text);
    const verdict = list.check(address, familyOf(address).family);
    if (verdicts.size >= MAX_VERDICTS) verdicts.clear();
    verdicts.set(text, verdict);
    return verdict;
  };
}

function familyOf(address: string) {
  return isIP(address) === 6 ? ({ family: "ipv6", width: 128 } as const) : ({ family: "ipv4", width: 32 } as const);
}
