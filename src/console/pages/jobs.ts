import { html, isolated, type Html } from "../../pages/html.js";
import { minuteOf } from "../../pages/time.js";
import { addressOf } from "../commands.js";
import { numberText } from "../figures.js";
import { buttonTo, nextLink, table, tag, type Page } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { resultMarkup } from "../result.js";
import { say } from "../texts.js";

/** Long endings, which go on by themselves. */

interface Job {
  readonly job_id: string;
  readonly kind: string;
  readonly filter: Readonly<Record<string, unknown>>;
  readonly counted: number;
  readonly at_least: boolean;
  readonly state: State;
  readonly looked_at: number;
  readonly ended: number;
  readonly created_at: string | Date;
  readonly failure?: string;
}

type State = "waiting" | "running" | "finished" | "cancelled" | "failed";

/** Every job, the newest first. */
export const jobsPage: ConsolePage = {
  path: "/jobs",
  menu: "menu.jobs",
  needs: "job list",
  async show(request) {
    const { language, base, run, sent, offers } = request;
    const { items, next } = (await run("job list", { limit: 50, cursor: sent.get("cursor") })) as Page<Job>;
    const columns = [
      {
        heading: say(language, "job.since"),
        cell: ({ job_id, created_at }: Job) =>
          html`<a href="${base}/jobs/${encodeURIComponent(job_id)}">${minuteOf(language, new Date(created_at))}</a>`,
      },
      { heading: say(language, "job.kind"), cell: ({ kind }: Job) => isolated(kind) },
      { heading: say(language, "person.state"), cell: ({ state }: Job) => stateTag(request, state) },
      { heading: say(language, "job.ended"), cell: ({ ended }: Job) => numberText(language, ended) },
    ];
    return {
      kind: "show",
      title: say(language, "menu.jobs"),
      body: html`<p>${say(language, "jobs.help")}</p>
${table(language, say(language, "menu.jobs"), columns, items)}
${nextLink(request, "/jobs", next)}
<p class="actions">${offers("grant revoke-many") ? buttonTo(request, addressOf("grant revoke-many"), say(language, "jobs.start"), "start") : undefined}</p>`,
    };
  },
};

/** One job, whose progress is brought up to date by itself. */
export const jobPage: ConsolePage = {
  path: "/jobs/:job_id",
  async show(request) {
    const { language, base, path, run, offers } = request;
    const job = (await run("job show", { job_id: path.job_id! })) as Job;
    const isUnderWay = job.state === "waiting" || job.state === "running";
    const cancel =
      isUnderWay && offers("job cancel")
        ? buttonTo(
            request,
            addressOf("job cancel", { job_id: job.job_id }),
            say(language, "job.cancel"),
            "cancel",
            "small danger",
          )
        : undefined;
    return {
      kind: "show",
      title: say(language, "job.title"),
      progresses: isUnderWay,
      body: html`<div id="progress" data-under="${isUnderWay ? "way" : "none"}" role="status">${progressOf(request, job)}</div>
<p class="actions">${cancel} ${buttonTo(request, "/jobs", say(language, "menu.jobs"), "all")}</p>
<h2>${say(language, "job.filter")}</h2>
${resultMarkup({ language, base }, { job_id: job.job_id, kind: job.kind, ...job.filter })}`,
    };
  },
};

function progressOf(request: ConsoleRequest, { state, counted, at_least, looked_at, ended, failure }: Job): Html {
  const { language } = request;
  const slots = {
    ended: numberText(language, ended),
    looked: numberText(language, looked_at),
    counted: numberText(language, counted),
  };
  const max = String(Math.max(counted, looked_at, 1));
  const value = state === "finished" ? max : String(looked_at);
  const label = say(language, at_least ? "job.progress.least" : "job.progress", slots);
  const why =
    failure === undefined ? undefined : html`<p class="alert" lang="en">${isolated(failure, { maxLength: 1_000 })}</p>`;
  return html`<p>${stateTag(request, state)} ${label}</p>
<progress value="${value}" max="${max}" aria-label="${say(language, "job.title")}"></progress>${why}`;
}

function stateTag({ language }: ConsoleRequest, state: State): Html {
  return tag(say(language, `job.state.${state}`), state === "failed");
}
