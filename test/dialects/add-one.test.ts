import t from "tap";
import type * as CommandLine from "../../src/command-line.js";
import type * as Config from "../../src/config.js";
import type * as Apply from "../../src/provisioning/apply.js";
import { SECRET } from "../support/fleet.js";
import type * as Commands from "../support/commands.js";
import type * as Instances from "../support/instance.js";
import { copyOfServer, type Addition } from "../support/toy-house.js";
import { json } from "../support/uma.js";

/** The table of docs/contributing.md, as changes that a computer makes: an import counts with the line that uses it. */
const GRANT: Addition = {
  files: { "toys/grant.js": "grants/toy.js" },
  lines: [
    {
      into: "grants/index.js",
      behind: 'import { passwordGrant } from "./password.js";',
      line: 'import { toyGrant } from "./toy.js";',
    },
    { into: "grants/index.js", behind: "export const GRANTS = [", line: "toyGrant," },
  ],
};
const METHOD: Addition = {
  files: { "toys/method.js": "clients/methods/toy.js" },
  lines: [
    {
      into: "clients/methods.js",
      behind: 'import { none } from "./methods/none.js";',
      line: 'import { toyMethod } from "./methods/toy.js";',
    },
    { into: "clients/methods.js", behind: "export const METHODS = {", line: "secret_backwards: toyMethod," },
  ],
};
const DIALECT: Addition = {
  files: { "toy-dialect.js": "dialects/toy.js" },
  lines: [
    {
      into: "dialects/index.js",
      behind: 'import { oauth2 } from "./oauth2.js";',
      line: 'import { toy } from "./toy.js";',
    },
    { into: "dialects/index.js", behind: "const DIALECTS = {", line: "toy," },
  ],
};
const ENDPOINT: Addition = {
  files: { "toys/endpoint.js": "endpoints/toy.js" },
  lines: [
    {
      into: "app.js",
      behind: 'import { tokenEndpoint } from "./endpoints/token.js";',
      line: 'import { toyEndpoint } from "./endpoints/toy.js";',
    },
    { into: "app.js", behind: "await app.register(tokenEndpoint);", line: "await app.register(toyEndpoint);" },
    {
      into: "dialects/oauth2.js",
      behind: "endpoints: [",
      line: '{ operation: "ringDoorbell", path: "/oauth2/doorbell", takes: "json", answer: (body) => ({ status: 200, body }) },',
    },
  ],
};
const COMMAND: Addition = {
  files: { "toys/command.js": "admin/toy.js" },
  lines: [
    {
      into: "admin/commands.js",
      behind: 'import { BACKUP_COMMANDS, RESTORE_COMMANDS } from "./backup.js";',
      line: 'import { TOY_COMMANDS } from "./toy.js";',
    },
    { into: "admin/commands.js", behind: "export const COMMANDS = [", line: "...TOY_COMMANDS," },
  ],
};
const SETTING: Addition = {
  files: {},
  lines: [
    {
      into: "config.js",
      behind: "export const SETTINGS = {",
      line: 'MOTTO: z.string().max(20).default("none").describe("what the server believes in"),',
    },
  ],
};

const client = { client_id: "visitor", client_secret: SECRET, scope: "api1 uma_protection" };
const VISITOR = {
  ...client,
  token_endpoint_auth_method: "secret_backwards",
  grant_types: ["urn:example:door"],
  dialects: ["oauth2"],
};
const FILE = {
  scopes: [{ name: "api1" }],
  clients: [VISITOR, { ...client, client_id: "turnstile", grant_types: ["client_credentials"], dialects: ["toy"] }],
};

t.test(
  "a grant, method, dialect, endpoint, command and setting each need one file and the lines that name it",
  async (t) => {
    const house = await copyOfServer(t, [GRANT, METHOD, DIALECT, ENDPOINT, COMMAND, SETTING]);
    const { startInstance, basic } = await house<typeof Instances>("test/support/instance.js");
    const { apply } = await house<typeof Apply>("src/provisioning/apply.js");
    const server = await startInstance(t, { provision: FILE });
    const backwards = basic("visitor", [...SECRET].reverse().join(""));
    const knock = (password_of_the_day: string, headers = backwards) =>
      server.post("/oauth2/token", { grant_type: "urn:example:door", password_of_the_day }, headers);

    await t.test("the provisioning file accepts the grant, the method with its warning, and the dialect", async (t) => {
      const { warnings } = await apply(server.core.db, server.core, JSON.stringify({ clients: [VISITOR] }));
      t.strictSame(warnings, ["clients[0] (visitor) shows its secret backwards"]);
      const unknown = { ...VISITOR, grant_types: ["urn:example:window"] };
      await t.rejects(apply(server.core.db, server.core, JSON.stringify({ clients: [unknown] })), /grant_types/);
    });
    await t.test("the secret is stored in the form that the method declares", async (t) => {
      const found = await server.core.registry.find("visitor");
      t.match(found!.secrets, [{ hash: null, sealed: Buffer }]);
    });
    await t.test("the token endpoint offers the grant, and the method authenticates its client", async (t) => {
      t.match((await knock("swordfish")).json, { access_token: String, scope: "api1 uma_protection" });
      t.match((await knock("guess")).json, { error: "invalid_grant" });
      t.match((await knock("swordfish", basic("visitor", SECRET))).json, { error: "invalid_client" });
    });
    await t.test("metadata describes the grant, the method and the endpoint", async (t) => {
      const { json: metadata } = await server.send("/.well-known/oauth-authorization-server");
      t.ok(metadata.grant_types_supported.includes("urn:example:door"));
      t.ok(metadata.introspection_endpoint_auth_methods_supported.includes("secret_backwards"));
      t.match(metadata.doorbell_endpoint, /\/oauth2\/doorbell$/);
    });
    await t.test(
      "the endpoint's guard runs before its body is read, and its result reaches the operation",
      async (t) => {
        t.equal((await json(server, "POST", "/oauth2/doorbell", "{")).status, 401);
        const { access_token } = (await knock("swordfish")).json;
        const ring = (body: unknown) =>
          json(server, "POST", "/oauth2/doorbell", body, { Authorization: `Bearer ${access_token}` });
        t.strictSame((await ring({ says: "hello" })).json, { rung_by: "visitor", note: { says: "hello" } });
        t.equal((await ring("{")).status, 400);
      },
    );
    await t.test("the dialect is served at its paths", async (t) => {
      t.match((await server.post("/toy/pass", { who: "turnstile", proof: SECRET })).json, { pass: /^jat_/ });
      t.match((await server.post("/toy/pass", { who: "visitor", proof: SECRET })).json, { why: "invalid_client" });
    });
    await t.test("the help lists the command, the command runs, and the setting is read and validated", async (t) => {
      const { runCommandLine } = await house<typeof CommandLine>("src/command-line.js");
      t.match(await runCommandLine(["motto", "--help"], async () => ""), "prints the motto");
      const { runCommand } = await house<typeof Commands>("test/support/commands.js");
      t.strictSame(await runCommand(server, ["motto", "show"]), { motto: "none" });
      const { readSettings } = await house<typeof Config>("src/config.js");
      t.match(readSettings({ MOTTO: "patience" }), { MOTTO: "patience" });
      t.throws(() => readSettings({ MOTTO: "a motto that is too long" }), /^MOTTO /);
    });
  },
);
