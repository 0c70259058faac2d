import { BlockList, isIP } from "node:net";

/**
 * The ranges of public addresses. For IPv6 that is 2000::/3 alone (IANA, IPv6 Global Unicast Address Assignments):
 * loopback, unique local, link-local, NAT64 and multicast lie outside it. An IPv4-mapped address counts as the IPv4
 * address in it, here and below, because BlockList compares it that way.
 */
const UNICAST = subnets("0.0.0.0/0", "2000::/3");

/** Ranges inside them that serve another purpose (IANA, IPv4 and IPv6 Special-Purpose Address Registries, RFC 6890). */
const SPECIAL = subnets(
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared by carriers
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, and the metadata services of clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
  "2001::/23", // protocol assignments, Teredo among them
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4: contains an IPv4 address, which may be private
  "3fff::/20", // documentation
);

/** Whether an address belongs to the public internet. False for a text that is not an IP address. */
export function isPublicAddress(ip: string): boolean {
  const family = isIP(ip) === 6 ? "ipv6" : "ipv4";
  return UNICAST.check(ip, family) && !SPECIAL.check(ip, family);
}

function subnets(...ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
