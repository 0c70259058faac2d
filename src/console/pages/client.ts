import { html, isolated, type Html } from "../../pages/html.js";
import { minuteOf } from "../../pages/time.js";
import { addressOf } from "../commands.js";
import { numberText, spanText } from "../figures.js";
import { buttonTo, table, tag } from "../list.js";
import type { ConsolePage, ConsoleRequest } from "../page.js";
import { factsMarkup } from "../result.js";
import { say, type ConsoleText } from "../texts.js";

/** A client: its settings, its secrets and their ages, the dialects it uses, and the end of everything. */
export const clientPage: ConsolePage = {
  path: "/clients/:client_id",
  async show(request) {
    const { language, base, path, run } = request;
    const shown = (await run("client show", { client_id: path.client_id! })) as ShownClient;
    const { client_id, client_name, disabled, secrets, ...settings } = shown;
    const used = await usage(request, client_id);
    return {
      kind: "show",
      title: isolated(client_name ?? client_id, { otherwise: client_id, maxLength: 255 }),
      body: html`<p><code>${isolated(client_id, { maxLength: 255 })}</code> ${tag(say(language, disabled ? "state.disabled" : "state.enabled"), disabled)}</p>
<p class="actions">${actions(request, shown)}</p>
<h2>${say(language, "client.secrets")}</h2>
${secretTable(request, secrets)}
${used}
<h2>${say(language, "client.settings")}</h2>
${factsMarkup({ language, base }, Object.fromEntries(Object.entries(settings).filter(([, value]) => !isUnset(value))))}`,
    };
  },
};

interface ShownClient {
  readonly client_id: string;
  readonly client_name?: string;
  readonly disabled: boolean;
  readonly secrets: readonly Secret[];
  readonly [setting: string]: unknown;
}

interface Secret {
  readonly created_at: string | Date;
  readonly expires_at: string | Date | null;
}

/** Settings that say nothing would only hide the others. */
function isUnset(value: unknown): boolean {
  return value === null || value === false || (Array.isArray(value) && value.length === 0);
}

type Say = (language: ConsoleRequest["language"], text: ConsoleText) => Html;

function actions(request: ConsoleRequest, { client_id, disabled, secrets }: ShownClient): readonly Html[] {
  const { language, offers } = request;
  const button = (command: string, text: ConsoleText, id: string, kind = "small") =>
    offers(command)
      ? [buttonTo(request, addressOf(command, { client_id }), (say as Say)(language, text), id, kind)]
      : [];
  const end = `/clients/${encodeURIComponent(client_id)}/end`;
  return [
    ...(offers("revoke") ? [buttonTo(request, end, say(language, "client.end"), "end", "small danger")] : []),
    ...(secrets.length > 0 ? button("client rotate-secret", "client.rotate", "rotate") : []),
    ...button("client update", "client.update", "update"),
    ...(disabled
      ? button("client enable", "person.enable", "enable")
      : button("client disable", "person.disable", "disable", "small danger")),
    ...button("client delete", "person.delete", "delete", "small danger"),
  ];
}

function secretTable({ language, now }: ConsoleRequest, secrets: readonly Secret[]): Html {
  const columns = [
    {
      heading: say(language, "client.secret.age"),
      cell: ({ created_at }: Secret) => spanText(language, (now - new Date(created_at).getTime()) / 1000),
    },
    {
      heading: say(language, "client.secret.since"),
      cell: ({ created_at }: Secret) => minuteOf(language, new Date(created_at)),
    },
    {
      heading: say(language, "client.secret.until"),
      cell: ({ expires_at }: Secret) =>
        expires_at === null ? say(language, "client.secret.open") : minuteOf(language, new Date(expires_at)),
    },
  ];
  return table(language, say(language, "client.secrets"), columns, secrets);
}

interface Use {
  readonly dialect: string;
  readonly uses: number;
  readonly last_used_at: string | Date;
}

async function usage({ language, run, offers }: ConsoleRequest, client_id: string): Promise<Html | undefined> {
  if (!offers("client usage")) return undefined;
  const uses = (await run("client usage", { client_id })) as readonly Use[];
  const columns = [
    { heading: say(language, "client.dialect"), cell: ({ dialect }: Use) => isolated(dialect) },
    { heading: say(language, "client.uses"), cell: ({ uses: count }: Use) => numberText(language, count) },
    {
      heading: say(language, "client.used"),
      cell: ({ last_used_at }: Use) => minuteOf(language, new Date(last_used_at)),
    },
  ];
  return html`<h2>${say(language, "client.usage")}</h2>
${table(language, say(language, "client.usage"), columns, uses)}`;
}
