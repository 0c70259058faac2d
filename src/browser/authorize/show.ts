import { isConfidential } from "../../clients/methods.js";
import type { Client, Scope } from "../../clients/registry.js";
import type { Core } from "../../core.js";
import { pagesOf, type ClientPages } from "../../store/client-registrations.js";
import { describeScope } from "../../tokens/claims.js";
import { userCodeOf } from "../../tokens/device-code.js";
import { INTERACTION_PATH } from "../paths.js";
import type { View } from "../view.js";
import type { Position } from "./position.js";
import type { AuthorizationRequest } from "./request.js";

export type { ClientPages };

declare module "../view.js" {
  interface Views {
    login: FormView & {
      /** The client that sent the person; undefined if they came for a page of their own. */
      readonly clientName?: string | undefined;
      /** The first value of the name field: the name of the last attempt, or the login_hint. */
      readonly username?: string | undefined;
      /** Set when the form is shown again after a failed attempt. It does not tell which field was wrong. */
      readonly failed?: "wrong" | undefined;
      /** Whether the client asked for a choice of accounts (`prompt=select_account`). */
      readonly selectAccount: boolean;
    };
    consent: FormView & {
      readonly clientId: string;
      readonly clientName: string;
      readonly userName: string;
      readonly scopes: readonly Scope[];
      /** Whether the answer is kept for the next authorization. */
      readonly remembered: boolean;
      /** The code of the device that asks, if one does. */
      readonly userCode?: string | undefined;
      /** The pages of a client that registered itself. No operator has checked its name and these addresses. */
      readonly unverified?: ClientPages | undefined;
      /** The host of a client that a metadata document describes. */
      readonly host?: string | undefined;
    };
  }
}

/** The page of the current step; undefined if the interaction is ready for its answer. */
export async function viewOf(position: Position, csrf: string, core: Core): Promise<View | undefined> {
  const { interaction, purpose, client, session, next } = position;
  const request: Partial<AuthorizationRequest> | undefined = purpose.kind === "account" ? undefined : purpose.request;
  const form = {
    action: `${INTERACTION_PATH}/${interaction.id}`,
    csrf,
    leadsTo: request?.leads_to ?? [],
    uiLocales: request?.ui_locales,
  };
  if (next.step === "login") {
    const failedName = openName(core, interaction.failed_username);
    return {
      ...form,
      page: "login",
      failed: interaction.failed_username === null ? undefined : "wrong",
      selectAccount: next.selectAccount,
      clientName: client && nameOf(client),
      username: failedName ?? request?.login_hint,
    };
  }
  if (next.step !== "consent" || client === undefined || session === undefined || request === undefined)
    return undefined;
  const declared = await core.registry.scopes();
  return {
    ...form,
    page: "consent",
    clientId: client.client_id,
    clientName: nameOf(client),
    userName: session.name ?? session.preferred_username,
    remembered: purpose.kind !== "device" && isConfidential(client),
    userCode: purpose.kind === "device" ? userCodeOf(core.master, purpose.request.device_id) : undefined,
    unverified: client.registered_by === null ? undefined : await pagesOf(core.db, client.client_id),
    host: client.registered_by === "document" ? new URL(client.client_id).host : undefined,
    scopes: (request.consent_scope ?? []).map((name) => describeScope(name, declared)),
  };
}

function openName({ master }: Core, sealed: string | null): string | undefined {
  return sealed === null ? undefined : master.openText("form", sealed)?.toString("utf8");
}

function nameOf({ client_name, client_id }: Client): string {
  return client_name ?? client_id;
}
