import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import t from "tap";
import { runCommand } from "../support/commands.js";
import { stateIn } from "../support/dump.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { dataFolder, jetonHere } from "../support/process.js";
import { MASTER_KEY } from "../support/run.js";
import { logIn } from "../support/tokens.js";

const jwk = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
const PSK = "a-psk-of-some-length";

/** One of everything, with settings that differ from their defaults. */
const EVERYTHING = {
  scopes: [
    ...FLEET.scopes,
    { name: "api3", audience: "https://api3.example", access_token_typ: "JWT", claims: ["email"] },
  ],
  clients: [
    ...FLEET.clients,
    {
      client_id: "signer",
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [jwk] },
      profile: "fapi2",
      redirect_uris: ["https://app.example/cb"],
      grant_types: ["authorization_code"],
    },
    {
      client_id: "pair",
      client_secret: SECRET,
      subject_type: "pairwise",
      redirect_uris: ["https://pair.example/cb"],
      token_exchange: [{ kind: "delegation", subject_clients: ["mobile"], scopes: ["api1"] }],
    },
  ],
  issuers: [{ issuer: "https://idp.example", jwks: { keys: [jwk] }, clients: ["signer"], scopes: ["api1"] }],
  users: [
    ...FLEET.users,
    { sub: "user-eve", preferred_username: "<b>eve</b>", may_act: { sub: "user-bob" }, level: { a: [1] } },
  ],
  devices: [
    { device_id: "meter", jwk, scope: "meter.read", max_renewals: 3, psk: PSK, psk_identity: "größe" },
    { device_id: "plain-meter", jwk, disabled: true },
  ],
  apps: [{ app_id: "app", app_key: SECRET, client_id: "app-admin", client_secret: SECRET, refresh_tokens: true }],
  things: [{ app_id: "app", vendor_thing_id: "thing/1", password: SECRET }],
};

t.test("the configuration is exported, compared and applied", async (t) => {
  const server = await startInstance(t, { provision: EVERYTHING });
  const does = (...words: string[]) => runCommand(server, words);
  const file = join(dirname(await dataFolder(t)), "export.jsonl");
  const written = async (...words: string[]) => {
    const { code, stdout, stderr } = await jetonHere({ DATABASE_URL: server.database, MASTER_KEY }, words);
    t.strictSame({ code, stderr }, { code: 0, stderr: "" }, words.join(" "));
    return stdout;
  };
  const exported = await written("configuration", "export");
  const lines = exported
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);

  t.test("an export has every entry and no secret", async (t) => {
    for (const [section, entries] of Object.entries(EVERYTHING)) {
      t.equal(lines.filter((line) => section in line).length, entries.length, section);
    }
    t.notMatch(
      exported,
      new RegExp(`${SECRET}|${PSK}|argon2|correct horse|"(password|app_key|psk|client_secret|\\w+_hash)":`),
    );
    const entry = (section: string, key: string) =>
      lines.find((line) => Object.values(line[section] ?? {}).includes(key))?.[section];
    t.strictSame(entry("devices", "meter"), {
      ...{ device_id: "meter", jwk, scope: "meter.read", max_renewals: 3, psk_identity: "größe" },
    });
    t.strictSame(entry("clients", "mobile"), {
      client_id: "mobile",
      token_endpoint_auth_method: "none",
      grant_types: ["password", "refresh_token"],
      scope: "openid profile email role api1 offline_access",
    });
    t.strictSame(entry("users", "user-eve"), {
      ...{ level: { a: [1] }, may_act: { sub: "user-bob" }, sub: "user-eve", preferred_username: "<b>eve</b>" },
    });
    t.strictSame(await does("configuration", "export", "--sections", "apps"), [
      { apps: { app_id: "app", client_id: "app-admin", refresh_tokens: true } },
    ]);
  });

  t.test("an export changes nothing where it comes from, not even a secret", async (t) => {
    await writeFile(file, exported);
    t.strictSame(await does("configuration", "diff", file), []);
    const before = await stateIn(server.database);
    t.match(await does("configuration", "apply", file), { entries: lines.length });
    const after = await stateIn(server.database);
    for (const table of ["client_secrets", "device_psks", "things"]) t.strictSame(after[table], before[table], table);
    t.equal((await logIn(server)).status, 200);
    t.strictSame(await does("configuration", "export"), lines);
  });

  t.test("an empty server that applies an export has the same configuration", async (t) => {
    const other = await startInstance(t);
    const [entry] = await runCommand(other, ["configuration", "diff", file]);
    t.match(entry, {
      section: "scopes",
      id: "api1",
      change: "added",
      settings: { audience: { from: null } },
      secrets: [],
    });
    const { warnings } = await runCommand(other, ["apply", file]);
    t.match(warnings.join("\n"), /\(backend\) has no secret to authenticate with/);
    t.strictSame(await runCommand(other, ["configuration", "export"]), lines);
    t.strictSame(await runCommand(other, ["configuration", "diff", file]), []);
  });

  t.test("a difference has old and new values, and names the secrets that are written", async (t) => {
    const before = await stateIn(server.database);
    const changed = join(dirname(file), "changed.json");
    const users = [
      { sub: "user-bob", preferred_username: "bob", password: "another secret", email: "bob@example.org" },
    ];
    const clients = [
      { client_id: "kiosk", grant_types: ["password"], client_secret: "y".repeat(40), disabled: true },
      { client_id: "fresh", scope: "api1" },
    ];
    const devices = [{ device_id: "meter", jwk, scope: "meter.read", max_renewals: 3 }];
    await writeFile(changed, JSON.stringify({ users, clients, devices }));
    const diff = await does("configuration", "diff", changed);
    t.strictSame(diff, [
      {
        ...{ section: "users", id: "user-bob", change: "changed" },
        settings: { email: { from: "bob@example.com", to: "bob@example.org" } },
        secrets: ["password"],
      },
      {
        ...{ section: "clients", id: "kiosk", change: "changed" },
        settings: {
          disabled: { from: null, to: true },
          scope: { from: "api1", to: null },
          access_token_format: { from: "opaque", to: null },
        },
        secrets: ["client_secret"],
      },
      {
        ...{ section: "clients", id: "fresh", change: "added" },
        settings: { client_id: { from: null, to: "fresh" }, scope: { from: null, to: "api1" } },
        secrets: [],
      },
      {
        ...{ section: "devices", id: "meter", change: "changed" },
        settings: { psk_identity: { from: "größe", to: null } },
        secrets: [],
      },
    ]);
    t.notMatch(JSON.stringify(diff), /another secret|yyyy/);
    t.strictSame(await stateIn(server.database), before, "nothing is written");
    t.match(await does("configuration", "apply", changed), { written: 4, entries: 4 });
    t.strictSame(await does("configuration", "diff", changed), [], "what is applied changes nothing");
    await does("client", "enable", "kiosk");
    t.strictSame(await does("configuration", "diff", changed), [], "apply leaves an unchanged entry alone, too");
  });

  t.test("a faulty file is refused in one line", async (t) => {
    const faulty = join(dirname(file), "faulty.json");
    await writeFile(faulty, JSON.stringify({ users: [{ sub: "x" }] }));
    for (const verb of ["diff", "apply"]) {
      t.match(await does("configuration", verb, faulty), /^users\[0\]\.preferred_username: /);
      t.match(await does("configuration", verb, `${faulty}.not`), /cannot be read \(ENOENT\)$/);
      t.equal(await does("configuration", verb), "missing argument: provisioning file");
    }
  });
});
