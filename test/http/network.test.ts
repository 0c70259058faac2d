import t from "tap";
import { networkOf } from "../../src/http/network.js";

const CASES = [
  { id: "an IPv4 address is its own", address: "192.0.2.1", network: "192.0.2.1" },
  { id: "a port behind it does not count", address: "192.0.2.1:4711", network: "192.0.2.1" },
  { id: "an IPv4 address in IPv6 clothes is the same", address: "::ffff:192.0.2.1", network: "192.0.2.1" },
  { id: "in any form of the address", address: "0:0:0:0:0:FFFF:c000:0201", network: "192.0.2.1" },
  { id: "in brackets, with a port", address: "[::ffff:192.0.2.1]:4711", network: "192.0.2.1" },
  { id: "of IPv6 the first 64 bits", address: "2001:db8:1:2:3:4:5:6", network: "2001:db8:1:2::/64" },
  { id: "another address there", address: "2001:DB8:1:2::9", network: "2001:db8:1:2::/64" },
  { id: "another network", address: "2001:db8:1:3::9", network: "2001:db8:1:3::/64" },
  { id: "with a zone", address: "fe80::1%eth0", network: "fe80:0:0:0::/64" },
  { id: "in brackets", address: "[2001:db8::1]:443", network: "2001:db8:0:0::/64" },
  { id: "the machine itself", address: "::1", network: "0:0:0:0::/64" },
  { id: "what is no address counts as it is", address: "unknown", network: "unknown" },
];

t.test("DO-10 one network has one name", async (t) => {
  for (const { id, address, network } of CASES) t.equal(networkOf(address), network, id);
});
