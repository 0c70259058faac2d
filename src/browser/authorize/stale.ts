import { webOriginOf } from "../../clients/redirect-uri.js";
import type { Client } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { Refusal, type AppLink } from "../../errors/refusal.js";
import type { InteractionStart } from "../../store/interactions.js";

/**
 * The refusal of an interaction that cannot continue, with links to continue elsewhere. A browser that did not start
 * the interaction gets the address of the app's own pages, and learns nothing else.
 */
export async function refuseStale(
  { registry }: Core,
  code: "interaction_unknown" | "interaction_foreign",
  { mine, again, client_id, redirect_uri, pushed, outcome }: InteractionStart,
): Promise<Refusal> {
  const origin = redirect_uri === null ? undefined : webOriginOf(redirect_uri);
  if (!mine) return new Refusal(code, { again: origin });
  const client = client_id === null ? null : await registry.find(client_id);
  const app = client === null ? undefined : appLink(client, origin);
  if (outcome === null) return new Refusal(code, { again, app });
  // A pushed request has one answer, so its address leads nowhere any more.
  return new Refusal(`interaction_${outcome}`, { again: pushed === null ? again : undefined, app });
}

/** A link to the pages of a client. @param origin undefined if no browser opens them */
export function appLink({ client_name, client_id }: Client, origin: string | undefined): AppLink | undefined {
  return origin === undefined ? undefined : { name: client_name ?? client_id, uri: origin };
}
