import { basic } from "../../support/instance.js";
import { URN } from "../../support/uma.js";
import type { Answer } from "../http.js";
import { History, type Clock } from "../ledger.js";
import { SECRET } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { Visitor } from "../visitor.js";

/** A resource server with one protected photo, made once, and a printer that asks for it. */
interface Album {
  readonly pat: Readonly<Record<string, string>>;
  readonly photo: string;
}

const albums = new WeakMap<Run, Promise<Album | undefined>>();

/** A ticket, a requesting party token for it, and what the resource server hears of that. */
export async function askForPhoto(run: Run, random: Random): Promise<Visitor> {
  const visitor = new Visitor(run, random, new History("uma_ticket of printer", ["client:printer", "client:photos"]));
  let album = albums.get(run);
  if (album === undefined) albums.set(run, (album = makeAlbum(new Visitor(run, random.of("album"), visitor.history))));
  const found = await album;
  if (found === undefined) return (albums.delete(run), visitor);
  for (let round = 0; round < 5 && !run.isOver; round += 1) await getPermission(visitor, found);
  return visitor;
}

async function makeAlbum(visitor: Visitor): Promise<Album | undefined> {
  const token = { grant_type: "client_credentials", scope: "uma_protection" };
  const issued = await visitor.insist("client_credentials", {
    path: "/oauth2/token",
    form: token,
    headers: basic("photos", SECRET),
  });
  const pat = { Authorization: `Bearer ${issued.json?.access_token}` };
  const resource = { name: "photo", resource_scopes: ["view", "print"] };
  const registered = await visitor.insist("resource", { path: "/uma/resources", json: resource, headers: pat });
  const photo: unknown = registered.json?._id;
  const policy = { resource_ids: [photo], rules: [{ clients: ["printer"], scopes: ["view"] }] };
  const allowed = await visitor.insist("policy", { path: "/uma/policies", json: policy, headers: pat });
  return allowed.outcome === "done" && typeof photo === "string" ? { pat, photo } : undefined;
}

async function getPermission(visitor: Visitor, { pat, photo }: Album): Promise<void> {
  const wanted = [{ resource_id: photo, resource_scopes: ["view"] }];
  const answer = await visitor.insist("ticket", { path: "/uma/permissions", json: wanted, headers: pat });
  const ticket: unknown = answer.json?.ticket;
  if (typeof ticket !== "string") return;
  const label = await redeem(visitor, ticket);
  if (label === undefined) return;
  await visitor.introspect(label);
  await visitor.introspect(label);
  if (visitor.random.chance(0.3)) await visitor.revoke(label, basic("printer", SECRET));
}

/** The ticket works once, also where two instances are shown it at once. */
async function redeem(visitor: Visitor, ticket: string): Promise<string | undefined> {
  let got: string | undefined;
  const receives = ({ json }: Answer, clock: Clock) => [
    (got = visitor.history.keep("rpt", json.access_token, json.expires_in, clock)),
  ];
  const asked = { path: "/oauth2/token", form: { grant_type: URN, ticket }, headers: basic("printer", SECRET) };
  const about = { presents: visitor.history.label("ticket", ticket), single: "once", receives } as const;
  if (visitor.random.chance(0.7)) await visitor.insist("uma_ticket", asked, about);
  else {
    const refusable = "another of the race may have used it";
    await Promise.all(
      visitor.run.fleet.instances.map((at) => visitor.ask("uma_ticket", asked, { ...about, refusable }, at)),
    );
  }
  return got;
}
