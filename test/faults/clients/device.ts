import { deviceJwt } from "../../support/devices.js";
import type { Answer } from "../http.js";
import { History, type Clock } from "../ledger.js";
import { DEVICE_KEY, deviceOf, DEVICES } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { Visitor, type About } from "../visitor.js";

/** Lives of one device: it may get or renew 100 tokens in an hour. */
const LIVES = 7;

const lives = new WeakMap<Run, number>();

/** A device gets a token by a JWT of its own and renews it; undefined where every device has done so often enough. */
export async function actAsDevice(run: Run, random: Random): Promise<Visitor | undefined> {
  const life = lives.get(run) ?? 0;
  if (life >= LIVES * DEVICES) return undefined;
  lives.set(run, life + 1);
  const client_id = deviceOf(life % DEVICES);
  const visitor = new Visitor(run, random, new History(`device ${client_id}`, [`client:${client_id}`]));
  let label = await getToken(visitor, client_id);
  for (let round = 0; round < 4 && label !== undefined && !run.isOver; round += 1) {
    await visitor.introspect(label);
    label = await renew(visitor, client_id, label);
  }
  return visitor;
}

const LIMIT: About = { refusable: "an attempt before may have used it, or the device has reached its limit" };

/** A JWT works once; some are shown to every instance at once. Every further attempt has one of its own. */
async function getToken(visitor: Visitor, client_id: string): Promise<string | undefined> {
  const got: string[] = [];
  for (let attempt = 0; attempt < 4 && got.length === 0; attempt += 1) {
    const jwt = deviceJwt(client_id, DEVICE_KEY);
    const asked = { path: "/as/token", form: { client_id, client_secret: jwt } };
    const about: About = {
      presents: visitor.history.label("jwt", jwt),
      single: "once",
      receives: keepIn(visitor, got),
    };
    const isRace = visitor.random.chance(0.3);
    const racers = isRace ? visitor.run.fleet.instances : [visitor.run.fleet.any(visitor.random)];
    await Promise.all(
      racers.map((at) => visitor.ask("device", asked, isRace || attempt > 0 ? { ...about, ...LIMIT } : about, at)),
    );
    if (got.length === 0) await visitor.rest(200, 800);
  }
  return got.at(-1);
}

/** The old token ends; a renewal without an answer may have ended it too. */
async function renew(visitor: Visitor, client_id: string, label: string): Promise<string | undefined> {
  const got: string[] = [];
  const asked = { path: "/as/renew/token", form: { client_id, token: visitor.history.tokens.get(label)!.text } };
  const about: About = { presents: label, single: "once", ends: [label], receives: keepIn(visitor, got) };
  const { outcome } = await visitor.insist("renewal", asked, about, LIMIT);
  if (outcome === "done") await visitor.introspect(label);
  return got.at(-1);
}

function keepIn(visitor: Visitor, got: string[]) {
  return ({ json }: Answer, clock: Clock): string[] => {
    got.push(visitor.history.keep("token", json.access_token, json.expires_in, clock));
    return got.slice(-1);
  };
}
