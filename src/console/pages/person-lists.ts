import { html, isolated, type Html } from "../../pages/html.js";
import { minuteOf } from "../../pages/time.js";
import { addressOf } from "../commands.js";
import { buttonTo, table, tag, type Page } from "../list.js";
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
export async function sessions(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language, run, offers } = request;
  if (!offers("session list")) return undefined;
  const { items, next } = (await run("session list", { user, limit: ROWS })) as Page<Session>;
  const columns = [
    {
      heading: say(language, "session.login"),
      cell: ({ auth_time }: Session) => minuteOf(language, new Date(auth_time)),
    },
    { heading: say(language, "session.seen"), cell: ({ seen_at }: Session) => minuteOf(language, new Date(seen_at)) },
    { heading: say(language, "person.state"), cell: ({ state }: Session) => stateTag(request, state) },
    { heading: undefined, cell: ({ sid, state }: Session) => endButton(request, "session revoke", { sid }, state) },
  ];
  return section(
    request,
    "person.sessions",
    table(language, say(language, "person.sessions"), columns, items),
    "session list",
    user,
    next,
  );
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
export async function grants(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language, base, run, offers } = request;
  if (!offers("grant list")) return undefined;
  const { items, next } = (await run("grant list", { user, limit: ROWS })) as Page<Grant>;
  const columns = [
    {
      heading: say(language, "grant.client"),
      cell: ({ client_id, grant_id }: Grant) =>
        html`<a href="${base}/clients/${encodeURIComponent(client_id)}">${isolated(client_id, { maxLength: 255 })}</a>
<br><a class="quiet" href="${base}${addressOf("grant show", { grant_id })}">${say(language, "grant.lineage")}</a>`,
    },
    { heading: say(language, "grant.scope"), cell: ({ scope }: Grant) => isolated(scope, { maxLength: 1_000 }) },
    {
      heading: say(language, "grant.since"),
      cell: ({ created_at }: Grant) => minuteOf(language, new Date(created_at)),
    },
    { heading: say(language, "person.state"), cell: ({ state }: Grant) => stateTag(request, state) },
    {
      heading: undefined,
      cell: ({ grant_id, state }: Grant) => endButton(request, "grant revoke", { grant_id }, state),
    },
  ];
  return section(
    request,
    "person.grants",
    table(language, say(language, "person.grants"), columns, items),
    "grant list",
    user,
    next,
  );
}

interface Consent {
  readonly client_id: string;
  readonly client_name: string | null;
  readonly scope: readonly string[];
  readonly given_at: string | Date;
}

/** What a person has allowed clients. */
export async function consents(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language, base, run, offers } = request;
  if (!offers("consent list")) return undefined;
  const { items, next } = (await run("consent list", { user, limit: ROWS })) as Page<Consent>;
  const columns = [
    {
      heading: say(language, "grant.client"),
      cell: ({ client_id, client_name }: Consent) =>
        html`<a href="${base}/clients/${encodeURIComponent(client_id)}">${isolated(client_name ?? client_id, { otherwise: client_id, maxLength: 255 })}</a>`,
    },
    {
      heading: say(language, "grant.scope"),
      cell: ({ scope }: Consent) => isolated(scope.join(" "), { maxLength: 1_000 }),
    },
    { heading: say(language, "grant.since"), cell: ({ given_at }: Consent) => minuteOf(language, new Date(given_at)) },
    {
      heading: undefined,
      cell: ({ client_id }: Consent) =>
        endButton(request, "consent withdraw", { user, client: client_id }, "in_force", "consent.withdraw"),
    },
  ];
  return section(
    request,
    "person.consents",
    table(language, say(language, "person.consents"), columns, items),
    "consent list",
    user,
    next,
  );
}

function section(
  request: ConsoleRequest,
  title: "person.sessions" | "person.grants" | "person.consents",
  list: Html,
  command: string,
  user: string,
  next: string | undefined,
): Html {
  const { language, base } = request;
  const more =
    next === undefined
      ? undefined
      : html`<p><a href="${base}${addressOf(command, { user })}">${say(language, "list.all")}</a></p>`;
  return html`<h2>${say(language, title)}</h2>
${list}
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
