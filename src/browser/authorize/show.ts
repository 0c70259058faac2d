import { isConfidential } from "../../clients/methods.js";
import type { Client } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { describeScope } from "../../tokens/claims.js";
import type { AuthorizationRequest } from "./request.js";
import type { Position } from "./position.js";
import { INTERACTION_PATH } from "../paths.js";
import type { View } from "../view.js";

/** The page of the step a person has come to; undefined where there is nothing to show but an answer to give. */
export async function viewOf(
  { interaction, purpose, client, session, next: step }: Position,
  csrf: string,
  { registry, master }: Core,
): Promise<View | undefined> {
  const { id, failed_username } = interaction;
  const request: Partial<AuthorizationRequest> | undefined = purpose.kind === "account" ? undefined : purpose.request;
  const form = {
    action: `${INTERACTION_PATH}/${id}`,
    csrf,
    leadsTo: request?.leads_to ?? [],
    ...(request?.ui_locales === undefined ? {} : { uiLocales: request.ui_locales }),
  };
  if (step.step === "login") {
    const typed = failed_username === null ? undefined : master.openText("form", failed_username);
    const username = typed?.toString("utf8") ?? request?.login_hint;
    return {
      ...form,
      page: "login",
      ...(failed_username === null ? {} : { failed: "wrong" as const }),
      selectAccount: step.selectAccount,
      ...(client === undefined ? {} : { clientName: nameOf(client) }),
      ...(username === undefined ? {} : { username }),
    };
  }
  if (step.step !== "consent" || client === undefined || session === undefined || request === undefined)
    return undefined;
  const declared = await registry.scopes();
  return {
    ...form,
    page: "consent",
    clientId: client.client_id,
    clientName: nameOf(client),
    userName: session.name ?? session.preferred_username,
    remembered: isConfidential(client),
    scopes: (request.consent_scope ?? []).map((name) => describeScope(name, declared)),
  };
}

function nameOf({ client_name, client_id }: Client): string {
  return client_name ?? client_id;
}
