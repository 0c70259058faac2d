import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t, { type Test } from "tap";
import { systemRandom } from "../../src/clock.js";
import { isRegistered } from "../../src/clients/redirect-uri.js";
import { demoSet } from "../../src/provisioning/demo.js";
import { SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { freePort } from "../support/ports.js";
import { ROOT } from "../support/root.js";

/** The example of the docs, started as the docs say. */

const EXAMPLE = join(ROOT, "docs", "example-web-app.mjs");

/** Starts the example; it ends with its test. The address it says to open. */
async function startExample(t: Test, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [EXAMPLE], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(async () => {
    if (child.kill()) await once(child, "exit");
  });
  for await (const line of createInterface(child.stdout)) return line.replace("open ", "");
  throw new Error("the example ended");
}

/** The README's own steps sign a person in with it: test/docs/pasted.test.ts. */
t.test("the example web app refuses users who were refused, and users it did not send", async (t) => {
  const port = await freePort();
  const client = {
    client_id: "web",
    client_secret: SECRET,
    grant_types: ["authorization_code"],
    scope: "openid profile",
    redirect_uris: [`http://127.0.0.1:${port}/callback`],
  };
  const server = await startInstance(t, { provision: { clients: [client] } });
  const { issuer } = server.core;
  const home = await startExample(t, { ISSUER: issuer, CLIENT_ID: "web", CLIENT_SECRET: SECRET, PORT: `${port}` });
  t.equal(home, `http://127.0.0.1:${port}`);

  const sent = await fetch(`${home}/login`, { redirect: "manual" });
  const request = new URL(sent.headers.get("location")!);
  t.equal(request.origin + request.pathname, `${issuer}/oauth2/authorize`);
  const demo = demoSet({ url: issuer, issuer, account: `${issuer}/account` }, systemRandom);
  const [web] = JSON.parse(demo.file).clients.filter((one: { redirect_uris?: string[] }) => one.redirect_uris);
  t.ok(
    isRegistered(request.searchParams.get("redirect_uri")!, web.redirect_uris),
    "the demo set knows the example too",
  );
  const visit = sent.headers.get("set-cookie")!.split(";")[0]!;
  const answer = new URLSearchParams({ error: "access_denied", error_description: "<b>no</b>", iss: issuer });
  const refused = await (await fetch(`${home}/callback?${answer}`, { headers: { cookie: visit } })).text();
  t.match(refused, '<a id="login" href="/login">Try again</a>', "a user who goes away can begin again");
  t.notMatch(refused, "<b>", "and what was sent is no markup");
  const stranger = await (await fetch(`${home}/callback?code=stolen`)).text();
  t.match(stranger, '<a id="login" href="/login">Sign in</a>', "a code is only taken where it was asked for");
});

t.test("the example stays as short as the docs say", async (t) => {
  const lines = (await readFile(EXAMPLE, "utf8")).split("\n").filter((line) => !/^\s*(\/\/.*)?$/.test(line));
  t.ok(lines.length <= 40, `${lines.length} lines of code`);
});
