import t from "tap";
import { formTarget, onlyTargets, policyOf } from "../../src/pages/policy.js";
import { STYLE } from "../../src/pages/style.js";

t.test("form-action allows only origins and app schemes", async (t) => {
  const kept = [
    "https://app.example",
    "http://localhost:8080",
    "http://127.0.0.1:1",
    "myapp:",
    "com.example.app:",
    "http://[::1]:80",
  ];
  t.strictSame(onlyTargets([...kept, ...kept]), kept, "each once");
  const dropped = [
    "",
    "*",
    "'self'",
    "'unsafe-inline'",
    "https:",
    "javascript:",
    "JavaScript:",
    "data:",
    "https://*",
    "https://*.example",
    "https://app.example/path",
    "https://app.example; script-src *",
    "https://app.example, default-src *",
    "https://app.example https://evil.example",
    "https://app.example\r\nX: y",
    "https://app.example\n",
    "https://user@app.example",
    "https://[::1]; x",
    "myapp:; script-src 'unsafe-inline'",
    "myapp://x",
  ];
  for (const target of dropped) t.strictSame(onlyTargets([target]), [], JSON.stringify(target));
});

t.test("a redirect URI gives the target of its form", async (t) => {
  const TARGETS: readonly (readonly [string, string | undefined])[] = [
    ["https://app.example/cb?x=y", "https://app.example"],
    ["https://APP.example:443/cb", "https://app.example"],
    ["https://bücher.example/cb", "https://xn--bcher-kva.example"],
    ["http://127.0.0.1:49152/cb", "http://127.0.0.1:49152"],
    ["http://[::1]:49152/cb", "http://[::1]:49152"],
    ["com.example.app:/oauth2redirect", "com.example.app:"],
    ["not a uri", undefined],
  ];
  for (const [uri, target] of TARGETS) {
    t.equal(formTarget(uri), target, uri);
    if (target !== undefined) t.strictSame(onlyTargets([target]), [target]);
  }
});

t.test("the policy has every directive", async (t) => {
  t.equal(
    policyOf({ style: "sha256-x", formAction: ["'self'", "https://app.example", "http://[::1]:8080"] }),
    "default-src 'none'; style-src 'sha256-x'; img-src data:; " +
      "form-action 'self' https://app.example http://*:8080; frame-ancestors 'none'; base-uri 'none'",
    "an IPv6 address cannot stand in a policy, its port can",
  );
  t.match(
    policyOf({ style: "s", script: "sha256-y", formAction: [] }),
    "script-src 'sha256-y'; img-src data:; form-action 'none';",
  );
});

t.test("both palettes have enough contrast (WCAG 1.4.3 and 1.4.11)", async (t) => {
  const palettes = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, body]) =>
    Object.fromEntries([...body!.matchAll(/--([\w-]+): (#[0-9a-f]{6})/g)].map(([, name, colour]) => [name!, colour!])),
  );
  t.equal(palettes.length, 2, "light and dark");
  for (const palette of palettes) {
    const contrast = (one: string, other: string): number => {
      const [bright, dim] = [luminance(palette[one]!), luminance(palette[other]!)].sort((a, b) => b - a);
      return (bright! + 0.05) / (dim! + 0.05);
    };
    const TEXT = [
      ["ink", "card"],
      ["ink", "page"],
      ["quiet", "card"],
      ["on-accent", "accent"],
      ["on-accent", "accent-strong"],
      ["alarm", "alarm-ground"],
    ];
    for (const [text, ground] of TEXT)
      t.ok(contrast(text!, ground!) >= 4.5, `${text} on ${ground}: ${contrast(text!, ground!)}`);
    for (const edge of ["edge", "accent", "alarm"])
      t.ok(contrast(edge, "card") >= 3, `${edge}: ${contrast(edge, "card")}`);
  }
});

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
