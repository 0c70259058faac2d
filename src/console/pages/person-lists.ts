import { html, isolated, type Html } from "../../pages/html.js";
import { minuteOf } from "../../pages/time.js";
import { addressOf } from "../commands.js";
import { buttonTo, table, tag, type Column, type Page } from "../list.js";
import type { ConsoleRequest } from "../page.js";
import { say } from "../texts.js";

/** The lists on the page of a person. Each row has a button that ends it. */

/** Rows of a list. The page of the command has all of them. */
const ROWS = 20;

interface Session {
  readonly sid: string;
  readonly auth_time: string | Date;
  readonly seen_at: string | Date;
  readonly state: State;
}

/** The logins of a person; nothing without the command that lists them. */
export function sessions(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language } = request;
  return listOf<Session>(request, user, "person.sessions", "session list", [
    {
      heading: say(language, "session.login"),
      cell: ({ auth_time }) => minuteOf(language, new Date(auth_time)),
    },
    { heading: say(language, "session.seen"), cell: ({ seen_at }) => minuteOf(language, new Date(seen_at)) },
    { heading: say(language, "person.state"), cell: ({ state }) => stateTag(request, state) },
    { heading: undefined, cell: ({ sid, state }) => endButton(request, "session revoke", { sid }, state) },
  ]);
}

interface Grant {
  readonly grant_id: string;
  readonly client_id: string;
  readonly scope: string;
  readonly created_at: string | Date;
  readonly expires_at: string | Date;
  readonly state: State;
}

/** What clients may do for a person. */
export function grants(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language, base } = request;
  return listOf<Grant>(request, user, "person.grants", "grant list", [
    {
      heading: say(language, "grant.client"),
      cell: ({ client_id, grant_id }) =>
        html`<a href="${base}/clients/${encodeURIComponent(client_id)}">${isolated(client_id, { maxLength: 255 })}</a>
<br><a class="quiet" href="${base}${addressOf("grant show", { grant_id })}">${say(language, "grant.lineage")}</a>`,
    },
    { heading: say(language, "grant.scope"), cell: ({ scope }) => isolated(scope, { maxLength: 1_000 }) },
    {
      heading: say(language, "grant.since"),
      cell: ({ created_at }) => minuteOf(language, new Date(created_at)),
    },
    { heading: say(language, "person.state"), cell: ({ state }) => stateTag(request, state) },
    {
      heading: undefined,
      cell: ({ grant_id, state }) => endButton(request, "grant revoke", { grant_id }, state),
    },
  ]);
}

interface Consent {
  readonly client_id: string;
  readonly client_name: string | null;
  readonly scope: readonly string[];
  readonly given_at: string | Date;
}

/** What a person has allowed clients. */
export function consents(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language, base } = request;
  return listOf<Consent>(request, user, "person.consents", "consent list", [
    {
      heading: say(language, "grant.client"),
      cell: ({ client_id, client_name }) =>
        html`<a href="${base}/clients/${encodeURIComponent(client_id)}">${isolated(client_name ?? client_id, { otherwise: client_id, maxLength: 255 })}</a>`,
    },
    {
      heading: say(language, "grant.scope"),
      cell: ({ scope }) => isolated(scope.join(" "), { maxLength: 1_000 }),
    },
    { heading: say(language, "grant.since"), cell: ({ given_at }) => minuteOf(language, new Date(given_at)) },
    {
      heading: undefined,
      cell: ({ client_id }) =>
        endButton(request, "consent withdraw", { user, client: client_id }, "in_force", "consent.withdraw"),
    },
  ]);
}

/** The first rows of a command about a person, with a link to all of them. Undefined without that command. */
async function listOf<Row>(
  { language, base, run, offers }: ConsoleRequest,
  user: string,
  title: "person.sessions" | "person.grants" | "person.consents",
  command: string,
  columns: readonly Column<Row>[],
): Promise<Html | undefined> {
  if (!offers(command)) return undefined;
  const { items, next } = (await run(command, { user, limit: ROWS })) as Page<Row>;
  const heading = say(language, title);
  const more =
    next === undefined
      ? undefined
      : html`<p><a href="${base}${addressOf(command, { user })}">${say(language, "list.all")}</a></p>`;
  return html`<h2>${heading}</h2>
${table(language, heading, columns, items)}
${more}`;
}

/** The state of a session or a grant. */
type State = "in_force" | "suspended" | "expired" | "ended";

function stateTag({ language }: ConsoleRequest, state: State): Html {
  return tag(say(language, `state.${state}`), state === "suspended");
}

function endButton(
  request: ConsoleRequest,
  command: string,
  values: Readonly<Record<string, string>>,
  state: State,
  text: "list.end" | "consent.withdraw" = "list.end",
): Html | undefined {
  if (state === "ended" || state === "expired" || !request.offers(command)) return undefined;
  const id = `end-${Object.values(values).at(-1)!}`;
  return buttonTo(
    request,
    addressOf(command, values),
    say(request.language, text),
    encodeURIComponent(id.toWellFormed()),
    "small danger",
  );
}
