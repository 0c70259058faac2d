import { systemClock } from "../../../src/clock.js";
import { claimsOf, asserted, ecdsa, jws } from "../../support/assertions.js";
import { basic } from "../../support/instance.js";
import type { Answer, Asked } from "../http.js";
import { History, type Clock } from "../ledger.js";
import { ASSERTION_KEY, ISSUER, SECRET } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { Visitor } from "../visitor.js";

/** Clients that act for themselves: by a secret, by an assertion, in the standard's and in another dialect. */
const SERVICES = { backend: 4, vault: 3, eagle: 1, signer: 3 };

export async function actForItself(run: Run, random: Random): Promise<Visitor> {
  const client_id = random.weighted(SERVICES);
  const visitor = new Visitor(run, random, new History(`client_credentials of ${client_id}`, [`client:${client_id}`]));
  const receives = ({ json }: Answer, clock: Clock) => [
    visitor.history.keep("access", json.access_token, json.expires_in, clock),
  ];
  if (client_id === "signer") await getByAssertion(visitor, receives);
  else await visitor.insist("client_credentials", requestOf(client_id), { receives });
  for (const label of visitor.history.tokens.keys()) await use(visitor, label, client_id);
  return visitor;
}

async function use(visitor: Visitor, label: string, client_id: string): Promise<void> {
  const times = visitor.random.below(8);
  for (let time = 0; time < times; time += 1) await visitor.introspect(label);
  if (!visitor.random.chance(0.4)) return;
  const isOwn = client_id !== "signer" && visitor.random.chance(0.7);
  await visitor.revoke(label, basic(isOwn ? client_id : "admin", SECRET));
}

function requestOf(client_id: string): Asked {
  const path = client_id === "eagle" ? "/api/id/v1/auth/token" : "/oauth2/token";
  return { path, form: { grant_type: "client_credentials", scope: "api1" }, headers: basic(client_id, SECRET) };
}

/** Every attempt has an assertion of its own; some assertions are shown to two instances at once. */
async function getByAssertion(visitor: Visitor, receives: (answer: Answer, clock: Clock) => string[]): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const assertion = jws(
      { alg: "ES256" },
      claimsOf("signer", ISSUER, systemClock.now()),
      ecdsa(ASSERTION_KEY.privateKey),
    );
    const presents = visitor.history.label("assertion", assertion);
    const asked = {
      path: "/oauth2/token",
      form: { grant_type: "client_credentials", ...asserted(assertion) } as Record<string, string>,
    };
    const isRace = visitor.random.chance(0.4);
    const racers = isRace ? visitor.run.fleet.instances : [visitor.run.fleet.any(visitor.random)];
    const about = { presents, single: "once", receives, timed: true } as const;
    const refusable = isRace ? { refusable: "another of the race may have used it" } : {};
    const answers = await Promise.all(
      racers.map((at) => visitor.ask("assertion", asked, { ...about, ...refusable }, at)),
    );
    if (answers.some(({ outcome }) => outcome === "done")) return;
    await visitor.rest(50, 300);
  }
}
