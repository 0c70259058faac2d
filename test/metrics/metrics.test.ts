import { readFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { parse } from "yaml";
import { readSettings } from "../../src/config.js";
import { COUNTERS, GAUGES, HISTOGRAMS } from "../../src/metrics/families.js";
import { mergeRecent, MinuteRing } from "../../src/metrics/recent.js";
import { ALICE, FLEET, SECRET } from "../support/fleet.js";
import { logIn } from "../support/tokens.js";
import { basic, startInstance, type Instance } from "../support/instance.js";
import { ROOT } from "../support/root.js";
import { MASTER_KEY } from "../support/run.js";

const FAMILIES: Readonly<Record<string, { readonly labelNames: readonly string[]; readonly help: string }>> = {
  ...COUNTERS,
  ...GAUGES,
  ...HISTOGRAMS,
};

/** The samples of the page: a name with its labels, and the value. */
async function samplesOf(url: string): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

/** The address of the administration, as the log names it. */
const addressOf = ({ log }: Instance) => String(log.find(({ type }) => type === "administration")!.address);

const decisions = (labels: string) => `jeton_decisions_total{dialect="oauth2",${labels}}`;

t.test("the page counts what is decided", async (t) => {
  const server = await startInstance(t, { provision: FLEET, env: { ADMIN: "on" } });
  const token = (form: Record<string, string>, headers = {}) => server.post("/oauth2/token", form, headers);
  await token({ grant_type: "client_credentials" }, basic("backend", SECRET));
  await token({ grant_type: "client_credentials" }, basic("backend", "wrong"));
  await token({ grant_type: "urn:made-up:by-a-stranger" }, basic("backend", SECRET));
  const { refresh_token } = (await logIn(server)).json;
  const refresh = { grant_type: "refresh_token", client_id: "mobile", refresh_token };
  const { json } = await token(refresh);
  await token({ ...refresh, refresh_token: json.refresh_token });
  await token(refresh);

  const samples = await samplesOf(server.url);
  const count = (operation: string, grant: string, outcome: string) =>
    samples.get(decisions(`operation="${operation}",grant_type="${grant}",outcome="${outcome}"`));
  t.equal(count("token", "client_credentials", "granted"), 1);
  t.equal(count("token", "client_credentials", "refused"), 1);
  t.equal(count("token", "refresh_token", "granted"), 2);
  t.equal(count("token", "password", "granted"), 1);
  t.equal(samples.get('jeton_refusals_total{code="client_secret_basic_wrong"}'), 1);
  const login = 'dialect="oauth2",operation="token",grant_type="password",outcome="granted"';
  t.equal(samples.get(`jeton_decision_duration_seconds_count{${login}}`), 1);
  t.equal(samples.get(`jeton_decision_duration_seconds_bucket{${login},le="+Inf"}`), 1);
  const times = [...samples].filter(([name]) => name.startsWith(`jeton_decision_duration_seconds_bucket{${login}`));
  t.strictSame(
    times,
    times.toSorted(([, one], [, other]) => one - other),
    "each bound counts the shorter times too",
  );
  t.ok(samples.get(`jeton_decision_duration_seconds_sum{${login}}`)! > 0);
  t.equal(samples.get("jeton_workers"), 1);
  t.equal(samples.get("jeton_change_feed_connected"), 1);
  t.equal(samples.get("jeton_jobs_unfinished"), 0);
  t.ok(samples.get('jeton_signing_key_age_seconds{alg="ES256"}')! > 0);
  const labels = [...samples.keys()].join("\n");
  t.notMatch(labels, "made-up", "a grant type that does not exist is no label");
  for (const word of ["backend", "mobile", ALICE.username, refresh_token]) t.notMatch(labels, word);
});

t.test("the page that is beside everything else answers this machine only", async (t) => {
  const server = await startInstance(t, { env: { ADMIN: "on" } });
  const status = async (headers: Record<string, string>) => (await fetch(`${server.url}/metrics`, { headers })).status;
  t.equal(await status({}), 200);
  for (const name of ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
    t.equal(await status({ [name]: "for=x" }), 404);
});

t.test("a page with an address of its own is nowhere else, and has nothing beside it", async (t) => {
  const server = await startInstance(t, { env: { ADMIN: "127.0.0.1:0" } });
  const url = addressOf(server);
  t.match(await samplesOf(url), new Map([["jeton_workers", 1]]));
  t.equal((await fetch(`${server.url}/metrics`)).status, 404);
  const other = await fetch(`${url}/oauth2/token`, { method: "POST" });
  t.equal(other.status, 404);
  t.equal(other.headers.get("content-type"), "application/problem+json; charset=utf-8");
  t.strictSame(await other.json(), {
    title: "Not Found",
    status: 404,
    detail: "there is nothing at this path",
    code: "path_unknown",
  });
});

t.test("without administration there is no page", async (t) => {
  const server = await startInstance(t);
  t.equal((await fetch(`${server.url}/metrics`)).status, 404);
});

t.test("the last hour is counted minute by minute, over all processes", async (t) => {
  const ring = new MinuteRing();
  for (const minute of [1_000, 1_000, 1_001, 1_000, 1_004]) ring.add(minute);
  const last = (minute: number) => ring.read(minute).slice(-6);
  t.strictSame(last(1_004), [0, 2, 2, 0, 0, 1], "a clock that goes back counts into the latest minute");
  t.strictSame(last(1_006), [2, 0, 0, 1, 0, 0]);
  t.equal(ring.read(1_004).length, 60);
  t.strictSame(new Set(ring.read(1_063)), new Set([1, 0]));
  t.strictSame(new Set(ring.read(1_064)), new Set([0]), "an hour later nothing is left");
  ring.add(1_064);
  t.strictSame(ring.read(1_064).slice(0, -1), Array(59).fill(0), "a place is used again");

  const process = (minute: number, counts: readonly number[]) => ({
    minute,
    decisions: [{ labels: { outcome: "granted" }, counts: [...Array<number>(60 - counts.length).fill(0), ...counts] }],
    alarms: [],
  });
  const merged = mergeRecent([process(10, [1, 2]), process(11, [4, 8])]);
  t.equal(merged.minute, 11);
  t.strictSame(
    merged.decisions.map(({ counts }) => counts.slice(-3)),
    [[1, 6, 8]],
    "minutes are added to the same minute",
  );
  t.strictSame(mergeRecent([]).decisions, []);
});

t.test("ADMIN is on by default where only this machine can reach the server", async (t) => {
  const admin = (env: Record<string, string>) => readSettings(env).ADMIN;
  t.equal(admin({}), "on");
  for (const HOST of ["localhost", "::1", "127.0.0.2"]) t.equal(admin({ HOST }), "on", HOST);
  for (const HOST of ["0.0.0.0", "::", "10.0.0.1", "127.example"]) t.equal(admin({ HOST }), "off", HOST);
  t.equal(admin({ DATABASE_URL: "postgres://db/jeton", MASTER_KEY }), "off");
  t.strictSame(admin({ ADMIN: "[::1]:9464" }), { host: "::1", port: 9464 });
  for (const ADMIN of ["yes", "9464", ":9464", "host:", "host:65536", "a b:1"]) {
    t.throws(() => admin({ ADMIN }), { message: "ADMIN must be off, on or an address such as 127.0.0.1:9464" }, ADMIN);
  }
});

t.test("docs/metrics.md lists every metric, its labels and its meaning", async (t) => {
  const page = await readFile(join(ROOT, "docs", "metrics.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(jeton_\w+)` \| (.*) \| (.*) \|$/gm)].map(([, name, labels, help]) => [
    name,
    { labelNames: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label), help },
  ]);
  const expected = Object.entries(FAMILIES).map(([name, { labelNames, help }]) => [name, { labelNames, help }]);
  t.strictSame(rows, expected);
});

t.test("the alerts and the dashboard name metrics and labels that exist", async (t) => {
  const server = await startInstance(t, { env: { ADMIN: "on" } });
  const page = await (await fetch(`${server.url}/metrics`)).text();
  const shown = new Set([...page.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!));
  for (const name of Object.keys(FAMILIES)) t.ok(shown.has(name), `${name} is on the page`);
  const folder = join(ROOT, "docs", "operations");
  const { groups } = parse(await readFile(join(folder, "prometheus-alerts.yml"), "utf8"));
  const dashboard = JSON.parse(await readFile(join(folder, "grafana-dashboard.json"), "utf8"));
  const alerts = groups.flatMap(({ rules }: { rules: { expr: string }[] }) => rules.map(({ expr }) => expr));
  const targets = dashboard.panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets);
  const queries: string[] = [...alerts, ...targets.map(({ expr }: { expr: string }) => expr)];
  t.ok(alerts.length > 5 && targets.length > 10);
  for (const query of queries) t.strictSame(faultsOf(query, shown), [], query);
  t.strictSame(faultsOf("rate(jeton_gone_total[5m])", shown), ["jeton_gone_total"], "a fault is found");
  t.strictSame(faultsOf("sum by (who) (jeton_workers)", shown), ["who"], "a label that does not exist is found");
});

/** Names of metrics and labels in a query that are not on the page. */
function faultsOf(query: string, shown: ReadonlySet<string>): readonly string[] {
  const names = [...query.matchAll(/\b(?:jeton|process|nodejs)_\w+/g)].map(([name]) => name);
  const families = names.map((name) => (shown.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, "")));
  const known = new Set(["le", ...families.flatMap((name) => FAMILIES[name]?.labelNames ?? [])]);
  const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, labels]) => labels!.split(/\s*,\s*/));
  const selected = [...query.matchAll(/\{([^}]*)\}/g)].flatMap(([, all]) => all!.match(/\w+(?=[=!])/g) ?? []);
  return [
    ...families.filter((name) => !shown.has(name)),
    ...[...grouped, ...selected].filter((name) => !known.has(name)),
  ];
}
