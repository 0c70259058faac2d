import fc from "fast-check";
import t from "tap";
import {
  identifiersOf,
  isEmail,
  normaliseIdentifier,
  chosenNameProblem,
  loginNameProblem,
} from "../../src/accounts/identifiers.js";
import { skeletonOf } from "../../src/accounts/look-alike.js";
import { isPhoneNumber, readLocalPhoneNumber } from "../../src/accounts/phone-number.js";

/** Each line is one identifier: its stored form, and how else it is written. */
const SPELLINGS: readonly (readonly [stored: string, ...others: string[]])[] = [
  [
    "+4930777777",
    "+49 (0)30 777777",
    "+49 30 777777",
    "+490 30 777777",
    "0049 30 777777",
    "00 49 30 777777",
    "(+49) 30 777777",
    "(0049) 30 777777",
    "+49.30.777.777",
    "+49/30/777-777",
    "+49\u00a030\u2013777777",
    "＋４９ ３０ ７７７７７７",
    "tel:+49-30-777777",
    "  +4930777777\t",
  ],
  ["+819012345678", "+81 (0)90-1234-5678", "0081 90 1234 5678"],
  ["+442079460958", "+44 (0) 20 7946 0958"],
  // The zero belongs to the number in Italy.
  ["+390669812345", "+39 06 698 12345"],
  // A country that the library does not know.
  ["+9991234567", "+999 123-4567", "00999 1234567"],
  ["alice", "Alice", " ALICE ", "ａｌｉｃｅ", "\u00a0alice\n"],
  ["mary ann", "Mary  Ann", "MARY\u00a0ANN", "mary\u2003ann"],
  ["josé", "JOSE\u0301", "jose\u0301", "JOSÉ"],
  ["alice@example.com", "Alice@Example.COM", " alice@example.com. ", '"alice"@example.com', "alice＠example.com"],
  ["bob@xn--bcher-kva.example", "bob@bücher.example", "BOB@BÜCHER.example", "bob@XN--BCHER-KVA.example"],
  ["007", " 007 "],
];

t.test("two spellings of one email, phone number or login name are one identifier", async (t) => {
  for (const [stored, ...others] of SPELLINGS) {
    for (const text of [stored, ...others]) t.equal(normaliseIdentifier(text), stored, JSON.stringify(text));
  }
});

t.test("a stored form does not change when it is normalised again", async (t) => {
  const texts = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(..."+0049()./- \u00a0\u00b4\u1fbd１a@."), maxLength: 20 }),
    fc.emailAddress(),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const once = normaliseIdentifier(text);
      return normaliseIdentifier(once) === once;
    }),
    { numRuns: 2_000, seed: 11 },
  );
  t.pass("for 2,000 texts");
});

t.test("a phone number is possible, has its country code and no extension", async (t) => {
  for (const text of ["+49 (0)30 777777", "0049 30 777777", "+1 212 555 2368", "+800 1234 5678"]) {
    t.ok(isPhoneNumber(text), text);
  }
  const none = ["030 777777", "+49", "+4912", "+15550100", "+999 123-4567", "+49 30 777777 ext. 5", "+49 30 777777x5"];
  for (const text of [
    ...none,
    "+1800FLOWERS",
    "+49 30 777777;phone-context=x",
    "011 49 30 777777",
    "+49\u200b30777777",
    "",
  ]) {
    t.notOk(isPhoneNumber(text), text);
  }
  t.equal(readLocalPhoneNumber("030 777777", "DE"), "+4930777777");
  for (const [text, country] of [
    ["030 777777", "ZZ"],
    ["+4930777777", "DE"],
    ["030 777777", "de"],
  ] as const) {
    t.equal(readLocalPhoneNumber(text, country), undefined, `${country} ${text}`);
  }
});

t.test("an email has one @ and no invisible characters", async (t) => {
  for (const text of ["a@b", "alice+x@example.com", "bob@bücher.example", '"alice"@example.com'])
    t.ok(isEmail(text), text);
  for (const text of [
    "a",
    "a@",
    "@b",
    "a@b@c",
    "a b@c",
    "ali\u00adce@example.com",
    "a\u200b@b",
    "a﹫b@c",
    `${"a".repeat(250)}@example.com`,
  ]) {
    t.notOk(isEmail(text), text);
  }
});

t.test("a login name is visible, and no address except a verified one of the same person", async (t) => {
  const refused = [
    "",
    " ",
    "\u3164",
    "a\u034fb",
    "a\u200bb",
    "a\ufe0f",
    "a\nb",
    "a@b",
    "a＠b",
    "0049 30 777777",
    "+4930777777",
  ];
  for (const name of [...refused, "+49 (0)30 777777", "1234567", "\u2800", "x".repeat(256)]) {
    t.ok(loginNameProblem(name), JSON.stringify(name));
  }
  for (const name of ["alice", "Mary Ann", "007", "борис", "山田 太郎", "o'neil", "x".repeat(255)]) {
    t.equal(loginNameProblem(name), undefined, name);
  }
  const verified = { email: "Alice@Example.com", email_verified: true, phone_number: "+4930777777" };
  t.strictSame(identifiersOf({ preferred_username: "alice@example.com", ...verified }), [
    { kind: "login", value: "alice@example.com", skeleton: skeletonOf("alice@example.com") },
  ]);
  t.strictSame(
    identifiersOf({ preferred_username: "Al", ...verified, phone_number_verified: true }).map(({ kind, value }) => [
      kind,
      value,
    ]),
    [
      ["login", "al"],
      ["email", "alice@example.com"],
      ["phone", "+4930777777"],
    ],
  );
});

t.test("names that look alike have one skeleton, and other names have different ones", async (t) => {
  const ALIKE = [
    ["bob", "bоb", "b0b"],
    ["apo", "аро", "ɑро", "αρο"],
    ["scope", "ѕсоре"],
    ["paypal", "paypa1", "раураl"],
    ["modern", "modem"],
    ["alice", "аlісе", "al\u034fice"],
  ];
  for (const [first, ...others] of ALIKE) {
    for (const name of others) t.equal(skeletonOf(normaliseIdentifier(name)), skeletonOf(first!), name);
  }
  const skeletons = ["bob", "bop", "alice", "alicia", "борис", "山田", "田山", "mary ann", "maryann"].map(skeletonOf);
  t.equal(new Set(skeletons).size, skeletons.length);
});

t.test("a chosen name mixes only scripts that are used together", async (t) => {
  for (const name of ["bоb", "аlice", "раураl", "Aλice", "boб7", "аро x"])
    t.equal(chosenNameProblem(name), "mixes scripts", name);
  const fine = [
    "bob",
    "bob-7",
    "борис 2",
    "Ελένη",
    "山田たろうtaro",
    "タロー",
    "김철수 kim",
    "王小明wang",
    "דוד",
    "علي",
    "José",
    "ğüş",
  ];
  for (const name of fine) t.equal(chosenNameProblem(name), undefined, name);
});
