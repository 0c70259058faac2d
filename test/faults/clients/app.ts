import type { Answer, Asked } from "../http.js";
import { EVERYTHING, type Clock } from "../ledger.js";
import { APP, PASSWORD } from "../provision.js";
import type { Random } from "../random.js";
import type { Run } from "../run.js";
import { Visitor, type About } from "../visitor.js";
import { addressOf, personHistory, shownByUse } from "./login.js";

/** An app of the Kii dialect: a refresh replaces both tokens and ends both old ones, and no answer is given twice. */
const PATH = `/api/apps/${APP.app_id}/oauth2/token`;
const OF_APP = { "X-Kii-AppID": APP.app_id, "X-Kii-AppKey": APP.app_key };

/** The labels of the tokens that an app holds. */
interface Pair {
  access: string;
  refresh: string;
}

export async function useApp(run: Run, random: Random): Promise<Visitor> {
  const person = run.persons.take();
  const visitor = new Visitor(run, random, personHistory("app", APP.app_id, person));
  try {
    const pair: { current?: Pair } = {};
    const headers = { ...OF_APP, ...addressOf(person) };
    const asked: Asked = { path: PATH, json: { username: `person${person}`, password: PASSWORD }, headers };
    await visitor.insist("app_token", asked, { receives: keepIn(visitor, pair) });
    for (let round = random.below(12); round > 0 && pair.current !== undefined && !run.isOver; round -= 1) {
      await look(visitor, pair.current.access);
      await refresh(visitor, pair, headers);
    }
  } finally {
    run.persons.giveBack(person);
  }
  return visitor;
}

async function look(visitor: Visitor, label: string): Promise<void> {
  const headers = { Authorization: `Bearer ${visitor.history.tokens.get(label)!.text}` };
  const asked: Asked = { method: "GET", path: `/api/apps/${APP.app_id}/users/me`, headers };
  await visitor.ask("app_user", asked, { presents: label, shows: shownByUse });
  await visitor.introspect(label);
}

async function refresh(
  visitor: Visitor,
  pair: { current?: Pair },
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const old = pair.current!;
  delete pair.current;
  const refresh_token = visitor.history.tokens.get(old.refresh)!.text;
  const asked: Asked = { path: PATH, json: { grant_type: "refresh_token", refresh_token }, headers };
  const about: About = { presents: old.refresh, single: "once", ends: [old.access], receives: keepIn(visitor, pair) };
  // Its second attempt may be taken for a replay, which is what this dialect's page asks for.
  const again: About = { refusable: "an earlier attempt may have used it", mayEnd: [EVERYTHING] };
  const { outcome } = await visitor.insist("app_token", asked, about, again);
  if (outcome === "done") await visitor.introspect(old.access);
}

function keepIn({ history }: Visitor, pair: { current?: Pair }) {
  return ({ json }: Answer, clock: Clock): string[] => {
    const access = history.keep("access", json.access_token, json.expires_in, clock);
    const refresh = history.keep("refresh", json.refresh_token, json.expires_in, clock);
    pair.current = { access, refresh };
    return [access, refresh];
  };
}
