import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { Throttle } from "../../src/clients/throttle.js";
import { oauth2 } from "../../src/dialects/oauth2.js";
import { FLEET, SECRET } from "../support/fleet.js";
import { basic, startInstance } from "../support/instance.js";
import { ROOT } from "../support/root.js";
import { toy } from "../support/toy-dialect.js";
import { until } from "../support/until.js";

t.test("docs/dialects.md shows the source of the toy dialect as a file of src/dialects", async (t) => {
  const page = await readFile(join(ROOT, "docs/dialects.md"), "utf8");
  const file = await readFile(join(ROOT, "test/support/toy-dialect.ts"), "utf8");
  const moved = file.replaceAll("../../src/dialects/", "./").replaceAll("../../src/", "../");
  t.ok(page.includes(`\`\`\`ts\n${moved}\`\`\``));
});

t.test("a dialect in one file changes the format but no decision", async (t) => {
  const server = await startInstance(t, { provision: FLEET, dialects: [oauth2, toy] });
  const ask = (form: Record<string, string>) => server.post("/toy/pass", form);
  const mayUse = async (client_id: string) => {
    await server.core.db.prisma.client.update({ where: { client_id }, data: { dialects: { push: "toy" } } });
    await until("it was heard of", async () => (await server.core.registry.find(client_id))!.dialects.includes("toy"));
  };
  const backend = { who: "backend", proof: SECRET };

  await t.test("TE-01 a client that does not list the dialect is refused", async (t) => {
    t.strictSame((await ask(backend)).json, { pass: null, why: "invalid_client" });
  });
  for (const client_id of ["backend", "off", "desktop"]) await mayUse(client_id);

  await t.test("a client requests and gets a token with the dialect's own members", async (t) => {
    const { status, json } = await ask({ ...backend, want: "api1" });
    t.equal(status, 200);
    t.match(json, { pass: /^jat_/, seconds: 600 });
    const seen = await server.post("/oauth2/introspect", { token: json.pass }, basic("gateway", SECRET));
    t.match(seen.json, { active: true, client_id: "backend", scope: "api1" }, "which everybody understands");
  });
  const REFUSED = [
    ["a wrong secret", { who: "backend", proof: "wrong" }, "invalid_client"],
    ["an unknown client", { who: "nobody", proof: SECRET }, "invalid_client"],
    ["a disabled client", { who: "off", proof: SECRET }, "invalid_client"],
    ["a grant that is not allowed", { who: "desktop", proof: SECRET }, "unauthorized_client"],
    ["a scope that is not allowed", { ...backend, want: "jeton:admin" }, "invalid_scope"],
  ] as const;
  for (const [name, form, why] of REFUSED) {
    await t.test(`TE-04 ${name} gets 200 without a token, and the log records a refusal`, async (t) => {
      const { status, json } = await ask(form);
      t.equal(status, 200);
      t.strictSame(json, { pass: null, why });
      const line = server.log.findLast(({ type }) => type === "decision");
      t.match(line, { dialect: "toy", outcome: "refused", status: 200 });
    });
  }
  await t.test("TE-04 a wrong secret counts against the limit although the answer is 200", async (t) => {
    const counted = t.capture(Throttle.prototype, "countFailure", Throttle.prototype.countFailure);
    await ask({ who: "kiosk", proof: "wrong" });
    t.match(counted(), [{ args: [/kiosk$/] }]);
  });
  await t.test("HTTP errors have the dialect's format at its own paths only", async (t) => {
    const wrongMethod = await server.send("/toy/pass");
    t.strictSame([wrongMethod.status, wrongMethod.headers.get("allow")], [405, "POST"]);
    t.strictSame(wrongMethod.json, { pass: null, why: "invalid_request" });
    t.match((await server.send("/oauth2/nothing")).json, { error: "not_found" });
  });
});
