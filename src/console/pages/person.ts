import { html, isolated, type Html } from "../../pages/html.js";
import { minuteOf } from "../../pages/time.js";
import { addressOf } from "../commands.js";
import { buttonTo, facts, tag } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { factsMarkup } from "../result.js";
import { say, type ConsoleText } from "../texts.js";
import { consents, grants, sessions } from "./person-lists.js";

/** A person: who they are, their logins, what they allowed clients, and two clicks to end any of it or all. */
export const personPage: ConsolePage = {
  path: "/people/:sub",
  async show(request) {
    const { path, run } = request;
    const user = path.sub!;
    const shown = (await run("user show", { user })) as ShownUser;
    const sections = [
      await limits(request, user),
      await sessions(request, user),
      await grants(request, user),
      await consents(request, user),
    ];
    return {
      kind: "show",
      title: isolated(nameOf(shown), { otherwise: shown.sub, maxLength: 255 }),
      body: html`${identity(request, shown)}
<p class="actions">${actions(request, shown)}</p>
${sections.filter((one) => one !== undefined)}
${traces(request, shown)}
${details(request, shown)}`,
    };
  },
};

export interface ShownUser {
  readonly sub: string;
  readonly preferred_username: string;
  readonly email: string | null;
  readonly email_verified: boolean;
  readonly phone_number: string | null;
  readonly phone_number_verified: boolean;
  readonly roles: readonly string[];
  readonly claims: Readonly<Record<string, unknown>>;
  readonly identifiers: readonly { readonly value: string }[];
  readonly disabled: boolean;
  readonly has_password: boolean;
  readonly created_at: string | Date;
}

/** What people call a person. */
export function nameOf({ claims, preferred_username }: ShownUser): string {
  return typeof claims.name === "string" ? claims.name : preferred_username;
}

function identity({ language }: ConsoleRequest, user: ShownUser): Html {
  const address = (text: string | null, isVerified: boolean) =>
    text === null
      ? undefined
      : html`${isolated(text, { maxLength: 255 })} ${tag(say(language, isVerified ? "person.verified" : "person.unverified"), false)}`;
  return facts(language, [
    ["person.state", tag(say(language, user.disabled ? "state.disabled" : "state.enabled"), user.disabled)],
    ["person.login", isolated(user.preferred_username, { maxLength: 255 })],
    ["person.email", address(user.email, user.email_verified)],
    ["person.phone", address(user.phone_number, user.phone_number_verified)],
    [
      "person.roles",
      user.roles.length === 0 ? undefined : html`${user.roles.map((role) => tag(isolated(role), false))}`,
    ],
    ["person.since", minuteOf(language, new Date(user.created_at))],
  ]);
}

/** Links to what was decided and changed about a person. */
function traces(request: ConsoleRequest, { sub: user }: ShownUser): Html {
  const { language, offers } = request;
  const decisions = `/decisions?${new URLSearchParams({ user })}`;
  return html`<p class="actions">${[
    ...(offers("decision list") ? [buttonTo(request, decisions, say(language, "menu.decisions"), "decisions")] : []),
    ...(offers("audit list")
      ? [buttonTo(request, addressOf("audit list", { user }), say(language, "menu.audit"), "changes")]
      : []),
  ]}</p>`;
}

/** Everything else that is known, which few people need. */
function details({ language, base }: ConsoleRequest, { sub, claims, identifiers }: ShownUser): Html {
  const names = identifiers.map(({ value }) => value);
  return html`<details><summary>${say(language, "person.more")}</summary>
${factsMarkup({ language, base }, { sub, identifiers: names, ...claims })}</details>`;
}

/** The buttons for what is done to the whole person. */
function actions(request: ConsoleRequest, { sub, disabled }: ShownUser): readonly Html[] {
  const { language, offers } = request;
  const button = (command: string, text: ConsoleText, id: string, kind = "small") =>
    offers(command)
      ? [buttonTo(request, addressOf(command, { user: sub }), (say as Say)(language, text), id, kind)]
      : [];
  const end = `/people/${encodeURIComponent(sub)}/end`;
  return [
    ...(offers("revoke") ? [buttonTo(request, end, say(language, "person.end"), "end", "small danger")] : []),
    ...button("user passwd", "person.password", "password"),
    ...(disabled
      ? button("user enable", "person.enable", "enable")
      : button("user disable", "person.disable", "disable", "small danger")),
    ...button("user update", "person.update", "update"),
    ...button("user delete", "person.delete", "delete", "small danger"),
  ];
}

type Say = (language: ConsoleRequest["language"], text: ConsoleText) => Html;

interface Limit {
  readonly on: string;
  readonly attempts: number;
  readonly state: "free" | "slowed" | "locked";
  readonly blocked_until: string | null;
}

/** Nothing, unless the person is slowed or locked by attempts that failed. */
async function limits(request: ConsoleRequest, user: string): Promise<Html | undefined> {
  const { language, run, offers } = request;
  if (!offers("limit show")) return undefined;
  const blocked = ((await run("limit show", { who: user })) as readonly Limit[]).filter(
    ({ state }) => state !== "free",
  );
  if (blocked.length === 0) return undefined;
  const items = blocked.map(({ on, attempts, blocked_until }) => {
    const until = blocked_until === null ? say(language, "person.locked") : minuteOf(language, new Date(blocked_until));
    return html`<li>${say(language, "person.slowed", { on: isolated(on), attempts: html`${String(attempts)}`, until })}</li>`;
  });
  const forgive = offers("limit forgive")
    ? buttonTo(request, addressOf("limit forgive", { who: user }), say(language, "person.forgive"), "forgive")
    : undefined;
  return html`<div class="sentence bad"><div>${say(language, "person.attempts")}<ul>${items}</ul><p>${forgive}</p></div></div>`;
}
