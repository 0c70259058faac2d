import { html, isolated, type Html } from "../../pages/html.js";
import type { Language } from "../../pages/language.js";
import type { RecentRow } from "../../metrics/recent.js";
import type { ServerState } from "../../metrics/metrics.js";
import { barChart } from "../chart.js";
import { numberText, percentText, spanText } from "../figures.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { say, type ConsoleText } from "../texts.js";

/** The start page: whether everything is all right, in one sentence, and the figures behind it. */
export const startPage: ConsolePage = {
  path: "/",
  menu: "menu.start",
  async show(request) {
    const { language } = request;
    const state = await request.state();
    return {
      kind: "show",
      title: say(language, "start.title"),
      body: html`${verdict(language, problemsOf(language, state))}
${decisions(language, state.recent.decisions)}
<div class="cards">
${alarmCard(language, state.recent.alarms)}
${keyCard(request, state)}
${serverCard(language, state)}
${databaseCard(language, state)}
</div>`,
    };
  },
};

/** Alarms that a lost or late answer explains are none of these. */
const ALARMS = {
  refresh_token_reused: "start.alarm.refresh_token_reused",
  code_replayed: "start.alarm.code_replayed",
  account_locked: "start.alarm.account_locked",
} as const satisfies Readonly<Record<string, ConsoleText>>;

/** From here on a figure is a problem. */
const LIMITS = {
  clockSeconds: 3,
  callersWaiting: 5,
  hashesWaiting: 20,
  backlogRows: 10_000,
  keyAgeSeconds: 366 * 24 * 60 * 60,
  refusedShare: 0.5,
  /** Fewer decisions than this say nothing about their share. */
  decisions: 100,
} as const;

/** What needs attention, one sentence each. */
function problemsOf(language: Language, { valuesOf, recent }: ServerState): readonly Html[] {
  const gauge = (name: Parameters<ServerState["valuesOf"]>[0]) => sum(valuesOf(name).map(({ value }) => value));
  const count = (number: number) => numberText(language, number);
  const problems: Html[] = [];
  const add = (applies: boolean, problem: () => Html) => void (applies && problems.push(problem()));
  const alarms = sum(alarmRows(recent.alarms).map(totalOf));
  add(alarms > 0, () => say(language, "start.bad.alarms", { count: count(alarms) }));
  add(
    valuesOf("jeton_change_feed_connected").some(({ value }) => value === 0),
    () => say(language, "start.bad.feed"),
  );
  const clock = gauge("jeton_clock_difference_seconds");
  add(Math.abs(clock) > LIMITS.clockSeconds, () =>
    say(language, "start.bad.clock", { time: spanText(language, clock) }),
  );
  const callers = gauge("jeton_database_callers_waiting");
  add(callers > LIMITS.callersWaiting, () => say(language, "start.bad.pool", { count: count(callers) }));
  const hashes = gauge("jeton_password_hashes_waiting");
  add(hashes > LIMITS.hashesWaiting, () => say(language, "start.bad.hashes", { count: count(hashes) }));
  const backlog = gauge("jeton_sweep_backlog_rows");
  add(backlog >= LIMITS.backlogRows, () => say(language, "start.bad.sweep", { count: count(backlog) }));
  for (const { value, labels } of valuesOf("jeton_signing_key_age_seconds")) {
    const alg = isolated(String(labels.alg));
    add(value > LIMITS.keyAgeSeconds, () => say(language, "start.bad.key", { alg }));
  }
  const refused = sum(rowsWith(recent.decisions, "outcome", "refused").map(totalOf));
  const all = sum(recent.decisions.map(totalOf));
  add(all >= LIMITS.decisions && refused / all > LIMITS.refusedShare, () =>
    say(language, "start.bad.refused", { share: percentText(language, refused / all) }),
  );
  return problems;
}

function verdict(language: Language, problems: readonly Html[]): Html {
  if (problems.length === 0) return html`<p class="sentence" id="verdict">${say(language, "start.good")}</p>`;
  return html`<div class="sentence bad" id="verdict"><div>${say(language, "start.bad")}
<ul>${problems.map((one) => html`<li>${one}</li>`)}</ul></div></div>`;
}

function decisions(language: Language, rows: readonly RecentRow[]): Html {
  const heading = html`<h2>${say(language, "start.decisions")}</h2>`;
  if (sum(rows.map(totalOf)) === 0) return html`${heading}<p>${say(language, "start.decisions.none")}</p>`;
  const outcome = (name: "granted" | "refused") =>
    chartCard(language, say(language, `start.outcome.${name}`), rowsWith(rows, "outcome", name), name);
  return html`${heading}
<div class="cards charts">${[outcome("granted"), outcome("refused")]}</div>
<h3>${say(language, "start.dialects")}</h3>
<div class="cards charts">${chartsBy(language, rows, "dialect")}</div>
<h3>${say(language, "start.grants")}</h3>
<div class="cards charts">${chartsBy(language, rows, "grant_type")}</div>`;
}

/** A chart for each value of a label, the most frequent first. */
function chartsBy(language: Language, rows: readonly RecentRow[], label: "dialect" | "grant_type"): readonly Html[] {
  const values = [...new Set(rows.map(({ labels }) => labels[label] ?? "none"))];
  return values
    .map((value) => ({ value, rows: rowsWith(rows, label, value) }))
    .map((one) => ({ ...one, total: sum(one.rows.map(totalOf)) }))
    .filter(({ total }) => total > 0)
    .sort((one, other) => other.total - one.total)
    .map(({ value, rows: own }) => chartCard(language, nameOf(language, label, value), own, ""));
}

/** The last word of a grant type that is a URN is what people call it. */
function nameOf(language: Language, label: "dialect" | "grant_type", value: string): Html {
  if (value === "none") return say(language, `start.none.${label}`);
  const parts = value.split(":").at(-1)!.split("_");
  return parts.map((part) => isolated(part)).reduce((all, part) => html`${all}_<wbr>${part}`);
}

function chartCard(language: Language, name: Html, rows: readonly RecentRow[], kind: string): Html {
  const counts = rows.reduce<readonly number[]>(
    (all, row) => row.counts.map((count, at) => count + (all[at] ?? 0)),
    [],
  );
  const figures = { total: sum(counts), most: Math.max(0, ...counts), latest: counts.at(-1) ?? 0 };
  const total = numberText(language, figures.total);
  const most = numberText(language, figures.most);
  const plain = html`${name.toString().replace(/<[^>]*>/g, "")}`;
  const label = say(language, "start.chart", {
    name: plain,
    total,
    most,
    latest: numberText(language, figures.latest),
  });
  return html`<div class="card"><p class="name">${name}</p><p class="figure">${total}</p>
${barChart(counts, label, kind)}
<p class="quiet">${say(language, "start.most", { most })}</p></div>`;
}

function alarmRows(rows: readonly RecentRow[]): readonly RecentRow[] {
  return rows.filter((row) => Object.hasOwn(ALARMS, row.labels.alarm ?? "") && totalOf(row) > 0);
}

function alarmCard(language: Language, rows: readonly RecentRow[]): Html {
  const items = alarmRows(rows).map((row) => {
    const text = say(language, ALARMS[row.labels.alarm as keyof typeof ALARMS]);
    return html`<li>${numberText(language, totalOf(row))} × ${text}</li>`;
  });
  const body = items.length === 0 ? html`<p>${say(language, "start.alarms.none")}</p>` : html`<ul>${items}</ul>`;
  return html`<section class="card plain"><h3>${say(language, "start.alarms")}</h3>${body}</section>`;
}

function keyCard({ language, base }: ConsoleRequest, { valuesOf }: ServerState): Html {
  const ages = valuesOf("jeton_signing_key_age_seconds").map(({ value, labels }) => {
    const slots = { alg: isolated(String(labels.alg)), age: spanText(language, value) };
    return html`<li>${say(language, "start.keys.age", slots)}</li>`;
  });
  return html`<section class="card plain"><h3>${say(language, "start.keys")}</h3><ul>${ages}</ul>
<p><a href="${base}/keys">${say(language, "start.keys.link")}</a></p></section>`;
}

function serverCard(language: Language, { valuesOf }: ServerState): Html {
  const [build] = valuesOf("jeton_build_info");
  const { version = "", node = "" } = build?.labels ?? {};
  const count = (name: "jeton_workers" | "jeton_requests_in_progress") => {
    return numberText(language, sum(valuesOf(name).map(({ value }) => value)));
  };
  return html`<section class="card plain"><h3>${say(language, "start.server")}</h3><ul>
<li>${say(language, "start.version", { version: isolated(String(version)), node: isolated(String(node)) })}</li>
<li>${say(language, "start.workers", { count: count("jeton_workers") })}</li>
<li>${say(language, "start.requests", { count: count("jeton_requests_in_progress") })}</li>
</ul></section>`;
}

function databaseCard(language: Language, { valuesOf }: ServerState): Html {
  const connections = (state: string) => {
    const found = valuesOf("jeton_database_connections").filter(({ labels }) => labels.state === state);
    return numberText(language, sum(found.map(({ value }) => value)));
  };
  const gauge = (name: "jeton_clock_difference_seconds" | "jeton_sweep_backlog_rows") =>
    sum(valuesOf(name).map(({ value }) => value));
  const slots = { used: connections("in_use"), idle: connections("idle") };
  return html`<section class="card plain"><h3>${say(language, "start.database")}</h3><ul>
<li>${say(language, "start.database.answers")}</li>
<li>${say(language, "start.database.connections", slots)}</li>
<li>${say(language, "start.database.clock", { time: spanText(language, gauge("jeton_clock_difference_seconds")) })}</li>
<li>${say(language, "start.database.backlog", { count: numberText(language, gauge("jeton_sweep_backlog_rows")) })}</li>
</ul></section>`;
}

function rowsWith(rows: readonly RecentRow[], label: string, value: string): readonly RecentRow[] {
  return rows.filter(({ labels }) => labels[label] === value);
}

function totalOf({ counts }: RecentRow): number {
  return sum(counts);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
