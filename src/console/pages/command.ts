import type { Command } from "../../admin/command.js";
import { InputError, OperatorError } from "../../errors/operator-error.js";
import { Refusal } from "../../errors/refusal.js";
import type { Parameters } from "../../http/form.js";
import { hidden } from "../../pages/form.js";
import { html, isolated, when, type Html } from "../../pages/html.js";
import { doesOf, titleOf } from "../command-texts.js";
import { addressOf as addressOfCommand, commandAt, pathOfCommand } from "../commands.js";
import { changesOf, presentOf, VERSION_FIELD, type Present } from "../editing.js";
import { fieldMarkup, fieldsOf, readFields, type Field } from "../fields.js";
import { buttonTo } from "../list.js";
import { statusOf } from "../outcomes.js";
import type { ConsoleAnswer, ConsolePage, ConsoleRequest } from "../page.js";
import { resultMarkup } from "../result.js";
import { say } from "../texts.js";

/**
 * The page of any command: its form, and its result. A command that reads has its values in the address, so that the page can be
 * linked to. Anything else is sent as a form, by a person who logged in a short time ago.
 */
export const commandPage: ConsolePage = {
  path: "/commands/:command",
  async show(request) {
    const command = find(request);
    const fields = fieldsOf(command);
    const { sent, isFresh } = request;
    if (command.effect !== "reads" && !isFresh) return { kind: "log in", back: addressOf(command, sent) };
    const waiting = sent.get("form");
    const typed = waiting === undefined ? sent : await typedBefore(request, waiting);
    const isReady = fields.every(({ member, isRequired }) => !isRequired || typed.has(member));
    if (command.effect === "reads" && !isSensitive(fields) && isReady) return runAndShow(request, command, typed);
    const present = typed.has(VERSION_FIELD) ? undefined : await presentOf(request, command, fields, typed);
    return { kind: "show", ...page(request, command, present === undefined ? typed : filled(present, typed), {}) };
  },
  async act(request) {
    const command = find(request);
    const { sent, isFresh } = request;
    if (command.effect !== "reads" && !isFresh) {
      return { kind: "log in", back: pathOfCommand(command), keep: Object.fromEntries(sent) };
    }
    return runAndShow(request, command, sent);
  },
};

/** The form of an update: what is there, and in place of it what was typed. */
function filled({ values, tag }: Present, typed: Parameters): Parameters {
  return new Map([...values, ...typed, [VERSION_FIELD, tag]]);
}

/** The values of a form that waited for a login. */
async function typedBefore({ waiting }: ConsoleRequest, id: string): Promise<Parameters> {
  const kept = (await waiting(id)) as Readonly<Record<string, string>> | undefined;
  if (kept === undefined) throw new Refusal("interaction_unknown");
  return new Map(Object.entries(kept));
}

function find({ path, offers }: ConsoleRequest): Command {
  const command = commandAt(path.command!);
  if (command === undefined) throw new OperatorError("there is no such command", "not_found");
  if (!offers(command.name)) throw new OperatorError(`${command.name} needs more powers`, "forbidden");
  return command;
}

/** Whether the form has a value that must not be in an address. */
function isSensitive(fields: readonly Field[]): boolean {
  return fields.some(({ isSecret }) => isSecret);
}

function addressOf(command: Command, sent: Parameters): string {
  const query = new URLSearchParams([...sent]).toString();
  return pathOfCommand(command) + (query === "" ? "" : `?${query}`);
}

async function runAndShow(request: ConsoleRequest, command: Command, typed: Parameters): Promise<ConsoleAnswer> {
  const fields = fieldsOf(command);
  const present = typed.has(VERSION_FIELD) ? await presentOf(request, command, fields, typed) : undefined;
  try {
    const result = await request.run(command.name, inputOf(command, fields, typed, present), typed.get(VERSION_FIELD));
    return { kind: "show", ...page(request, command, typed, { result }) };
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    const shown = present === undefined ? typed : new Map([...typed, [VERSION_FIELD, present.tag]]);
    return { kind: "show", status: statusOf(error), ...page(request, command, shown, { error }) };
  }
}

/** @throws OperatorError if the form is not that of the present version */
function inputOf(command: Command, fields: readonly Field[], typed: Parameters, present: Present | undefined) {
  if (present !== undefined) {
    const isCurrent = present.tag === typed.get(VERSION_FIELD);
    if (!isCurrent) throw new OperatorError("it was changed since it was read", "changed");
    return readFields(fields, changesOf(command, fields, present, typed));
  }
  const cursor = typed.get("cursor");
  return { ...readFields(fields, typed), ...(cursor === undefined ? {} : { cursor }) };
}

interface Outcome {
  readonly result?: unknown;
  readonly error?: OperatorError;
}

function page(request: ConsoleRequest, command: Command, typed: Parameters, { result, error }: Outcome) {
  const { language } = request;
  const isDone = result !== undefined && command.effect !== "reads";
  const form = isDone ? undefined : formMarkup(request, command, typed, error);
  return {
    title: titleOf(language, command),
    body: html`<p>${doesOf(language, command)}</p>
${when(error, (one) => html`<p class="alert" role="alert" id="problem" lang="en">${isolated(one.message, { maxLength: 1_000 })}</p>`)}
${isDone ? html`<p class="sentence" role="status" id="done">${say(language, "command.done")}</p>` : undefined}
${form}
${result === undefined ? undefined : resultSection(request, command, typed, result)}
<p class="actions"><a class="button small" href="${request.base}/commands">${say(language, "menu.commands")}</a></p>`,
  };
}

function formMarkup(
  request: ConsoleRequest,
  command: Command,
  typed: Parameters,
  error: OperatorError | undefined,
): Html {
  const { language, base, csrf } = request;
  const fields = fieldsOf(command);
  const path = pathOfCommand(command);
  const isInAddress = command.effect === "reads" && !isSensitive(fields);
  if (isInAddress && fields.length === 0) return html``;
  const problemOf = ({ member }: Field) =>
    error instanceof InputError && error.path[0] === member ? error.problem : undefined;
  const markup = (some: readonly Field[]) => some.map((one) => fieldMarkup(language, one, typed, problemOf(one)));
  const main = fields.filter(({ isRequired, member }) => isRequired || member === command.subject);
  const others = fields.filter((one) => !main.includes(one));
  const isOpen = isInAddress ? others.some(({ member }) => typed.has(member)) : main.length === 0 || others.length <= 6;
  const kind = command.effect === "ends" || command.effect === "deletes" ? "button danger" : "button primary";
  const button = html`<div class="actions"><button class="${kind}" type="submit" id="run">${titleOf(language, command)}</button></div>`;
  // Filters alone hide with their button, because the list is there without them.
  const areFilters = isInAddress && main.length === 0;
  const summary = say(language, areFilters ? "command.filter" : "command.more");
  const more = html`<details${isOpen ? html` open` : undefined}><summary>${summary}</summary>${markup(others)}${areFilters ? button : undefined}</details>`;
  return html`<form class="wide" id="command" method="${isInAddress ? "get" : "post"}" action="${base}${path}">
${isInAddress ? undefined : hidden("csrf", csrf(path), "csrf")}
${when(typed.get(VERSION_FIELD), (tag) => hidden(VERSION_FIELD, tag, VERSION_FIELD))}
${markup(main)}
${others.length === 0 ? undefined : more}
${areFilters ? undefined : button}
</form>`;
}

/** What can be done with the result of a command, by the member that names it. */
const NEXT: Readonly<Record<string, readonly [command: string, member: string]>> = {
  "grant show": ["grant revoke", "grant_id"],
  "session show": ["session revoke", "sid"],
};

function nextButton(request: ConsoleRequest, { name }: Command, result: unknown): Html | undefined {
  const [next, member] = NEXT[name] ?? [];
  if (next === undefined || member === undefined || !request.offers(next)) return undefined;
  const id = String((result as Readonly<Record<string, string>>)[member]);
  const text = titleOf(request.language, { name: next });
  return html`<p>${buttonTo(request, addressOfCommand(next, { [member]: id }), text, "end", "small danger")}</p>`;
}

/** Members of a result that are shown once. */
const SECRETS: ReadonlySet<string> = new Set(["client_secret", "password", "token", "secret", "initial_access_token"]);

function resultSection(request: ConsoleRequest, command: Command, typed: Parameters, result: unknown): Html {
  const { language, base } = request;
  const context = { language, base, ...(command.effect === "reads" ? {} : { secrets: SECRETS }) };
  const heading = html`<h2 id="result">${say(language, "command.result")}</h2>`;
  if (command.paged !== true)
    return html`${heading}${resultMarkup(context, result)}${nextButton(request, command, result)}`;
  const { items, next } = result as { readonly items: readonly unknown[]; readonly next?: string };
  const link = when(next, (cursor) => {
    const address = addressOf(command, new Map([...typed, ["cursor", cursor]]));
    return html`<p><a class="button small" id="next" rel="next" href="${base}${address}">${say(language, "list.next")}</a></p>`;
  });
  return html`${heading}${resultMarkup(context, items)}${link}`;
}
