import t from "tap";
import { isPublicAddress } from "../../src/outbound/addresses.js";

/** The first and the last address of each block; what stands next to it is public unless the table says so as well. */
const NOT_PUBLIC = {
  "this network": ["0.0.0.0", "0.255.255.255", "::"],
  loopback: ["127.0.0.1", "127.255.255.255", "::1"],
  private: ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
  "unique local": ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::1"],
  "link-local": ["169.254.0.0", "169.254.169.254", "169.254.255.255", "fe80::1", "fe80::1%lo", "febf::1"],
  "shared by carriers": ["100.64.0.0", "100.127.255.255"],
  "protocol assignments": ["192.0.0.0", "192.0.0.255", "2001:1ff:ffff::1", "100::1"],
  documentation: ["192.0.2.1", "198.51.100.1", "203.0.113.255", "2001:db8::1", "3fff::1", "3fff:fff::1"],
  benchmarks: ["198.18.0.0", "198.19.255.255", "2001:2::1"],
  "multicast, reserved, broadcast": ["224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1"],
  "an IPv4 address inside": [
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:FFFF:A00:1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "192.88.99.1",
  ],
  "no address": ["", "localhost", "1", "0x7f000001", "127.1", "[::1]", "8.8.8.8 ", "8.8.8.8/32"],
};

const PUBLIC = [
  ...["1.0.0.0", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0"],
  ...["172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0"],
  ...["192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
  ...["2001:200::1", "2606:4700::1111", "2a00:1450:4001::1", "3ffe:ffff::1", "::ffff:8.8.8.8"],
];

for (const [kind, addresses] of Object.entries(NOT_PUBLIC)) {
  t.test(`SS-01 addresses of the kind "${kind}" are not public`, async (t) => {
    for (const address of addresses) t.notOk(isPublicAddress(address), address);
  });
}

t.test("the addresses between those blocks are public", async (t) => {
  for (const address of PUBLIC) t.ok(isPublicAddress(address), address);
});
