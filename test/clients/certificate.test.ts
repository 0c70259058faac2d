import { createHash, X509Certificate } from "node:crypto";
import t from "tap";
import { matchesRegistration, thumbprintOf } from "../../src/clients/certificate.js";
import { makeCa, tagged, type AlternativeName, type CertificateRequest } from "../support/certificate.js";

type CertificateRegistration = Parameters<typeof matchesRegistration>[1];

const NOTHING: CertificateRegistration = {
  tls_client_auth_subject_dn: null,
  tls_client_auth_san_dns: null,
  tls_client_auth_san_uri: null,
  tls_client_auth_san_ip: null,
  tls_client_auth_san_email: null,
  tls_client_certificate_thumbprint: null,
};

const CA = makeCa("An authority");

type Subject = CertificateRequest["subject"];

const make = (request: Partial<CertificateRequest>) =>
  new X509Certificate(CA.issue({ subject: [["CN", "client"]], ...request }).der);
const matches = (certificate: X509Certificate, registered: Partial<CertificateRegistration>) =>
  matchesRegistration(certificate, { ...NOTHING, ...registered });

/** A string of another kind than UTF-8. */
const string = (tag: number, text: string, encoding: BufferEncoding = "latin1") =>
  tagged(tag, Buffer.from(text, encoding));
const bmp = (text: string) => tagged(0x1e, Buffer.from(text, "utf16le").swap16());

const CLIENT: Subject = [
  ["C", "DE"],
  ["O", "Example"],
  ["CN", "client-1"],
];

/** Subjects as they are encoded, with the names that they match and names that they do not. */
const SUBJECTS: readonly (readonly [about: string, subject: Subject, is: readonly string[], not: readonly string[]])[] =
  [
    [
      "the reverse of its encoding, and nothing else",
      CLIENT,
      ["CN=client-1,O=Example,C=DE", "cn=client-1, o=Example, c=DE", "2.5.4.3 = client-1 ,2.5.4.10=Example,C=DE "],
      [
        "C=DE,O=Example,CN=client-1", // as the openssl tool prints it by default
        "C = DE, O = Example, CN = client-1",
        "/C=DE/O=Example/CN=client-1",
        "CN=client-1",
        "CN=client-1,O=Example",
        "O=Example,C=DE",
        "CN=client-1,O=Example,C=DE,C=DE",
        "CN=client-1+O=Example,C=DE",
        "CN=client-1;O=Example;C=DE",
        "CN=client-1\nO=Example\nC=DE",
        "CN=Client-1,O=Example,C=DE",
        "CN=client-1,O=example,C=DE",
        "CN=client-1,O=Example,C=DE,",
        ",CN=client-1,O=Example,C=DE",
        'CN="client-1",O=Example,C=DE',
        "OU=client-1,O=Example,C=DE",
        "CN=*,O=Example,C=DE",
        "",
      ],
    ],
    [
      "a value that looks like two",
      [["CN", "a, CN=admin"]],
      ["CN=a\\, CN=admin", "CN=a\\2C\\20CN\\3Dadmin"],
      ["CN=a, CN=admin", "CN=admin", "CN=admin,CN=a", "CN=a"],
    ],
    [
      "two that look like a value",
      [
        ["CN", "admin"],
        ["CN", "a"],
      ],
      ["CN=a,CN=admin"],
      ["CN=a\\,CN=admin", "CN=admin"],
    ],
    [
      "a line break, as Node's own text separates names",
      [["CN", "a\nCN=admin"]],
      ["CN=a\nCN=admin", "CN=a\\0ACN=admin"],
      ["CN=a,CN=admin", "CN=admin,CN=a", "CN=a\\nCN=admin", "CN=admin"],
    ],
    ["a NUL", [["CN", "admin\0.evil"]], ["CN=admin\\00.evil"], ["CN=admin", "CN=admin\0.evil", "CN=admin.evil"]],
    ["quotes", [["CN", '"a"']], ['CN=\\"a\\"', "CN=\\22a\\22"], ['CN="a"', "CN=a"]],
    [
      "a backslash",
      [["CN", "a\\2Cb\\"]],
      ["CN=a\\\\2Cb\\\\", "CN=a\\5C2Cb\\5c"],
      ["CN=a\\2Cb\\\\", "CN=a,b\\\\", "CN=a\\"],
    ],
    ["a plus", [["CN", "a+O=b"]], ["CN=a\\+O=b"], ["CN=a+O=b"]],
    ["what begins with #", [["CN", "#0c0161"]], ["CN=\\#0c0161"], ["CN=#0c0161", "CN=a"]],
    [
      "what is written in digits",
      [["CN", "a"]],
      ["CN=#0c0161", "CN=#130161", "CN=a"],
      ["CN=#0c016", "CN=#0c01610c0161"],
    ],
    ["spaces at its ends", [["CN", " a b  "]], ["CN=\\ a b \\ ", "CN=\\20a b\\20\\ "], ["CN= a b  ", "CN=a b"]],
    [
      "nothing",
      [
        ["CN", ""],
        ["O", "x"],
      ],
      ["O=x,CN="],
      ["O=x"],
    ],
    ["UTF-8", [["CN", "Grüße 🎈"]], ["CN=Grüße 🎈", "CN=Gr\\C3\\BC\\C3\\9Fe \\F0\\9F\\8E\\88"], ["CN=Gr\\FC\\DFe 🎈"]],
    ["letters that look alike", [["CN", "аdmin"]], ["CN=аdmin"], ["CN=admin"]],
    ["composed otherwise", [["CN", "e\u0301"]], ["CN=e\u0301"], ["CN=\u00e9"]],
    ["BMPString", [["CN", bmp("Grüße")]], ["CN=Grüße"], ["CN=G\0r"]],
    ["PrintableString", [["C", string(0x13, "DE")]], ["C=DE"], []],
    [
      "IA5String",
      [["emailAddress", string(0x16, "a@x.example")]],
      ["emailAddress=a@x.example", "1.2.840.113549.1.9.1=a@x.example"],
      [],
    ],
    ["TeletexString, by its bytes only", [["CN", string(0x14, "a")]], ["CN=#140161"], ["CN=a"]],
    ["UniversalString, likewise", [["CN", string(0x1c, "\0\0\0a")]], ["CN=#1c0400000061"], ["CN=a"]],
    [
      "a type without a name",
      [["1.3.6.1.4.1.99999.1", "x"]],
      ["1.3.6.1.4.1.99999.1=x"],
      ["1.3.6.1.4.1.99999=x", "X=x"],
    ],
    [
      "several in one, which are a set",
      [
        ["DC", "example"],
        [
          ["CN", "a"],
          ["OU", "b"],
        ],
      ],
      ["CN=a+OU=b,DC=example", "OU=b + CN=a, DC=example"],
      ["CN=a,OU=b,DC=example", "CN=a,DC=example", "CN=a+OU=b+OU=b,DC=example"],
    ],
    ["no name at all", [], [], ["", " ", "CN="]],
  ];

for (const [about, subject, is, not] of SUBJECTS) {
  t.test(`MT-02 a subject: ${about}`, async (t) => {
    const certificate = make({ subject });
    for (const name of is) t.ok(matches(certificate, { tls_client_auth_subject_dn: name }), name);
    for (const name of not) t.notOk(matches(certificate, { tls_client_auth_subject_dn: name }), name);
  });
}

const ALTERNATIVES: readonly (readonly [
  member: keyof CertificateRegistration,
  san: readonly AlternativeName[],
  is: readonly string[],
  not: readonly string[],
])[] = [
  [
    "tls_client_auth_san_dns",
    [{ dns: "One.example" }, { dns: "two.example" }],
    ["one.example", "TWO.example"],
    ["example", "a.one.example", "one.example.", "one.example, DNS:two.example"],
  ],
  ["tls_client_auth_san_dns", [{ dns: "*.example" }], ["*.example"], ["one.example"]],
  ["tls_client_auth_san_dns", [{ dns: "a, DNS:admin.example" }], ["a, DNS:admin.example"], ["admin.example", "a"]],
  ["tls_client_auth_san_dns", [{ dns: "admin.example\0.evil" }], [], ["admin.example"]],
  ["tls_client_auth_san_dns", [{ dns: Buffer.from("admin.example\xff", "latin1") }], [], ["admin.example\xff"]],
  ["tls_client_auth_san_dns", [{ uri: "one.example" }, { email: "one.example" }], [], ["one.example"]],
  ["tls_client_auth_san_dns", [], [], ["client"]],
  [
    "tls_client_auth_san_uri",
    [{ uri: "spiffe://example/one" }],
    ["spiffe://example/one"],
    ["spiffe://EXAMPLE/one", "spiffe://example/one/", "spiffe://example"],
  ],
  ["tls_client_auth_san_uri", [{ uri: "x:a, URI:x:admin" }, { uri: 'x:"b"' }], ['x:"b"'], ["x:admin", "x:a", "x:b"]],
  [
    "tls_client_auth_san_email",
    [{ email: "a@x.example" }],
    ["a@x.example"],
    ["A@x.example", "a@X.example", "x.example"],
  ],
  ["tls_client_auth_san_ip", [{ ip: [192, 0, 2, 1] }], ["192.0.2.1"], ["192.0.2.2", "192.0.2.1/32", "3221225985", ""]],
  [
    "tls_client_auth_san_ip",
    [{ ip: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab] }],
    ["2001:db8::ab", "2001:0DB8:0:0:0:0:0:00AB"],
    ["2001:db8::ac", "[2001:db8::ab]"],
  ],
  ["tls_client_auth_san_ip", [{ ip: [192, 0, 2] }, { ip: [] }], [], ["192.0.2", "192.0.2.0", "::"]],
];

for (const [member, san, is, not] of ALTERNATIVES) {
  t.test(`MT-02 ${member} against ${JSON.stringify(san)}`, async (t) => {
    const certificate = make({ san });
    for (const value of is) t.ok(matches(certificate, { [member]: value }), value);
    for (const value of not) t.notOk(matches(certificate, { [member]: value }), value);
  });
}

t.test("a thumbprint in every format that tools print", async (t) => {
  const certificate = make({});
  const other = make({});
  const sha1 = createHash("sha1").update(certificate.raw).digest("hex");
  const sha256 = createHash("sha256").update(certificate.raw).digest("hex");
  const spellings = [
    thumbprintOf(certificate.raw),
    ...[sha1, sha256, sha1.toUpperCase(), sha256.toUpperCase(), certificate.fingerprint, certificate.fingerprint256],
    sha1.replace(/..(?!$)/g, "$& "),
  ];
  for (const thumbprint of spellings) {
    t.ok(matches(certificate, { tls_client_certificate_thumbprint: thumbprint }), thumbprint);
    t.notOk(matches(other, { tls_client_certificate_thumbprint: thumbprint }), `${thumbprint} of another`);
  }
  for (const wrong of ["", sha256.slice(1), sha256.slice(0, 40), thumbprintOf(certificate.raw).toLowerCase()]) {
    t.notOk(matches(certificate, { tls_client_certificate_thumbprint: wrong }), wrong);
  }
});

t.test("every registered value must match, and one must be registered", async (t) => {
  const certificate = make({ subject: CLIENT, san: [{ dns: "one.example" }] });
  const right = {
    tls_client_auth_subject_dn: "CN=client-1,O=Example,C=DE",
    tls_client_auth_san_dns: "one.example",
    tls_client_certificate_thumbprint: thumbprintOf(certificate.raw),
  };
  t.ok(matches(certificate, right));
  for (const name of Object.keys(right)) t.notOk(matches(certificate, { ...right, [name]: "CN=another" }), name);
  t.notOk(matches(certificate, { ...right, tls_client_auth_san_email: "a@x.example" }));
  t.notOk(matches(certificate, {}));
});
