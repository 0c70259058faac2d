import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t, { type Test } from "tap";
import { openWindow } from "../support/chromium.js";
import { ALICE, SECRET } from "../support/fleet.js";
import { startInstance } from "../support/instance.js";
import { freePort } from "../support/ports.js";
import { ROOT } from "../support/root.js";

/** The example of the docs, started as the docs say, and used as a person would. */

const EXAMPLE = join(ROOT, "docs", "example-web-app.mjs");

/** Starts the example; it ends with its test. The address it says to open. */
async function startExample(t: Test, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [EXAMPLE], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.teardown(async () => {
    if (child.kill()) await once(child, "exit");
  });
  for await (const line of createInterface(child.stdout)) return line.replace("open ", "");
  throw new Error("the example ended");
}

t.test("the example web app signs a person in and says who it is", async (t) => {
  const port = await freePort();
  const client = {
    client_id: "web",
    client_name: "The example",
    client_secret: SECRET,
    grant_types: ["authorization_code"],
    scope: "openid profile",
    redirect_uris: [`http://127.0.0.1:${port}/callback`],
  };
  const user = { sub: "user-alice", preferred_username: "Alice", password: ALICE.password, name: "Alice <Example>" };
  const server = await startInstance(t, { provision: { clients: [client], users: [user] } });
  const home = await startExample(t, {
    ISSUER: server.core.issuer,
    CLIENT_ID: "web",
    CLIENT_SECRET: SECRET,
    PORT: `${port}`,
  });
  t.equal(home, `http://127.0.0.1:${port}`);

  const { page, complaints } = await openWindow(t);
  await page.goto(home);
  await page.click("#login");
  await page.click("button[value=cancel]");
  t.equal(await page.textContent("#login"), "Try again", "whoever goes away can begin again");
  await page.click("#login");
  await page.fill("#username", ALICE.username);
  await page.fill("#password", ALICE.password);
  await page.click("button[value=login]");
  t.match(await page.textContent("main"), "The example would like access to your account");
  await page.click("button[value=allow]");
  await page.waitForURL(`${home}/`);
  t.equal(await page.textContent("#who"), "You are Alice <Example>.");

  const stranger = await openWindow(t);
  await stranger.page.goto(`${home}/callback?code=stolen`);
  t.ok(await stranger.page.isVisible("#login"), "a code is only taken where it was asked for");
  t.strictSame([...complaints, ...stranger.complaints], []);
});

t.test("the example stays as short as the docs say", async (t) => {
  const lines = (await readFile(EXAMPLE, "utf8")).split("\n").filter((line) => !/^\s*(\/\/.*)?$/.test(line));
  t.ok(lines.length <= 40, `${lines.length} lines of code`);
});
