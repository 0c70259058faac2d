import { BlockList, isIP } from "node:net";
import { bareAddress } from "./network.js";

/**
 * Returns a check whether an address, with or without a port, is in one of these CIDR ranges (`TRUST_PROXY`).
 * IPv4-mapped forms count as IPv4.
 */
export function trustedProxies(ranges: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const { family, width } = familyOf(address);
    list.addSubnet(address, bits === undefined ? width : Number(bits), family);
  }
  return (text) => {
    const address = bareAddress(text);
    return list.check(address, familyOf(address).family);
  };
}

function familyOf(address: string) {
  return isIP(address) === 6 ? ({ family: "ipv6", width: 128 } as const) : ({ family: "ipv4", width: 32 } as const);
}
