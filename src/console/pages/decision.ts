import { html, isolated, when, type Html } from "../../pages/html.js";
import { secondOf } from "../../pages/time.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { resultMarkup } from "../result.js";
import { say } from "../texts.js";
import { outcomeTag } from "./decisions.js";

/** One decision in words: what was asked, what was checked, what failed, what to do, and what it would be today. */
export const decisionPage: ConsolePage = {
  path: "/decisions/:id",
  async show(request) {
    const { language, path, run } = request;
    const explained = (await run("decision show", { id: path.id! })) as Explained;
    return {
      kind: "show",
      title: say(language, `decision.${explained.outcome}`),
      body: html`<div class="plain"><p>${secondOf(language, new Date(explained.decided_at))} · <code>${isolated(explained.id)}</code></p>
${sentence("asked", language, explained.asked)}
${when(explained.refusal, (refusal) => refusalMarkup(request, refusal))}
<h2>${say(language, "decision.checks")}</h2>
<ol class="checks">${explained.checks.map((one) => checkMarkup(request, one))}</ol>
<h2>${say(language, "decision.today")}</h2>
<p>${outcomeTag(request, explained.today.outcome)} <span lang="en">${isolated(explained.today.says, TEXT)}</span></p>
${explained.since.length === 0 ? undefined : html`<h2>${say(language, "decision.since")}</h2><ul lang="en">${explained.since.map((one) => html`<li>${isolated(one, TEXT)}</li>`)}</ul>`}
${factsOf(request, explained)}</div>`,
    };
  },
};

/** A sentence of an explanation is shown whole. */
const TEXT = { maxLength: 2_000 } as const;

interface Explained {
  readonly id: string;
  readonly decided_at: string | Date;
  readonly outcome: "granted" | "refused";
  readonly asked: string;
  readonly checks: readonly Check[];
  readonly refusal?: Refusal;
  readonly today: { readonly outcome: "granted" | "refused" | "open"; readonly says: string };
  readonly since: readonly string[];
  readonly uma?: readonly unknown[];
  readonly facts: Readonly<Record<string, unknown>>;
}

interface Check {
  readonly check: string;
  readonly result: "passed" | "refused" | "not_reached" | "unknown";
  readonly says: string;
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly reason?: string;
  readonly remedy: string;
  readonly reference: string;
}

function sentence(name: "asked" | "remedy", language: ConsoleRequest["language"], text: string): Html {
  return html`<h2>${say(language, `decision.${name}`)}</h2><p lang="en">${isolated(text, TEXT)}</p>`;
}

function refusalMarkup({ language }: ConsoleRequest, { code, message, reason, remedy, reference }: Refusal): Html {
  const why = reason === undefined ? undefined : html` (${isolated(reason, TEXT)})`;
  return html`<div class="sentence bad"><div lang="en">${isolated(message, TEXT)}${why}
<p class="help"><code>${isolated(code)}</code> · ${isolated(reference, TEXT)}</p></div></div>
${sentence("remedy", language, remedy)}`;
}

function checkMarkup({ language }: ConsoleRequest, { check, result, says }: Check): Html {
  const kind = result === "refused" ? "tag bad" : "tag";
  return html`<li class="${result}"><span class="${kind}">${say(language, `check.${result}`)}</span> <span lang="en">${isolated(says || check, TEXT)}</span></li>`;
}

/** The facts as the log line has them. */
function factsOf({ language, base }: ConsoleRequest, { facts, uma }: Explained): Html {
  const rules = uma === undefined || uma.length === 0 ? undefined : resultMarkup({ language, base }, uma);
  return html`<details><summary>${say(language, "decision.facts")}</summary>
${resultMarkup({ language, base }, facts)}${rules}</details>`;
}
