import axe, { type AxeResults } from "axe-core";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { openWindow } from "../support/chromium.js";
import { basic, startInstance } from "../support/instance.js";
import { startPhotos } from "../support/resource-server.js";
import { ROOT } from "../support/root.js";
import { FORMAT, json, URN } from "../support/uma.js";

/** The story of docs/uma.md, with three parties over HTTP and an owner in Chromium. test/docs/pasted.test.ts pastes the page itself. */

const page = await readFile(join(ROOT, "docs/uma.md"), "utf8");
const PROVISION = JSON.parse(/^```json\n(.*?)^```/ms.exec(page)![1]!);
const CAROL = { username: "carol", password: "carol in this story" };
const BOB = { username: "bob", password: "bob in this story" };
const ALBUM = basic("album", "the-secret-of-the-album-in-this-story");
const SHOP = basic("print-shop", "the-secret-of-the-shop-in-this-story");

t.test(
  "register, refuse, ticket, need_info, claims, request_submitted, approval, access, withdrawal, refusal",
  async (t) => {
    const server = await startInstance(t, { provision: PROVISION });
    const logIn = async (person: object, scope: string, headers: Record<string, string>) =>
      (await server.post("/oauth2/token", { grant_type: "password", ...person, scope }, headers)).json;
    const pat = (await logIn(CAROL, "uma_protection", ALBUM)).access_token;
    const photos = await startPhotos(t, { as: server.url, pat });
    const photo = await photos.add();
    const rule = { roles: ["friend"], scopes: ["view"], consent_needed: true };
    await json(
      server,
      "POST",
      "/uma/policies",
      { resource_ids: [photo], rules: [rule] },
      { Authorization: `Bearer ${pat}` },
    );

    const fetchPhoto = (token?: string) =>
      fetch(`${photos.url}/${photo}`, { headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } });
    const ticketOf = (reply: Response) => /ticket="([^"]+)"/.exec(reply.headers.get("www-authenticate")!)![1]!;
    const ask = async (ticket: string, form: object = {}) =>
      (await server.post("/oauth2/token", { grant_type: URN, ticket, ...form }, SHOP)).json;

    const refused = await fetchPhoto();
    t.equal(refused.status, 401);
    const unknown = await ask(ticketOf(refused));
    t.match(unknown, { error: "need_info", required_claims: [{ name: "role" }] });
    const { id_token } = await logIn(BOB, "openid", SHOP);
    const submitted = await ask(unknown.ticket, { claim_token: id_token, claim_token_format: FORMAT });
    t.match(submitted, { error: "request_submitted", interval: 5 });

    const { page: window, complaints } = await openWindow(t);
    await window.goto(`${server.url}/account/sharing`);
    await window.fill("#username", CAROL.username);
    await window.fill("#password", CAROL.password);
    await window.click("#action-login");
    t.match(await window.textContent("#pending-1"), /bob would like access to Holiday with Print Shop\./);
    const violations = async () => {
      await window.evaluate(axe.source);
      return (await window.evaluate<AxeResults>("axe.run(document)")).violations.map(({ id }) => id);
    };
    t.strictSame(await violations(), [], "everybody can use the page");
    await window.selectOption("#lifetime-pending-1", "day");
    await window.click("#approve-pending-1");
    t.match(await window.textContent("#answered-1"), /Approved until/);
    t.strictSame(await violations(), []);

    const granted = await ask(submitted.ticket);
    const rpt = granted.access_token;
    t.equal(await (await fetchPhoto(rpt)).text(), "a photo");
    const other = await photos.add();
    t.equal((await fetch(`${photos.url}/${other}`, { headers: { Authorization: `Bearer ${rpt}` } })).status, 401);

    await window.click("#withdraw-answered-1");
    t.match(await window.textContent("main"), "You have not answered any requests yet.");
    t.match(await window.textContent("main"), "waited for your answer.");
    t.equal((await fetchPhoto(rpt)).status, 401, "gone with the next request");
    const again = await fetchPhoto(rpt);
    t.match(
      await ask(ticketOf(again), { pct: granted.pct }),
      { error: "request_submitted" },
      "and a new approval is requested",
    );
    t.strictSame(complaints, []);
  },
);
