import type { RegisteredClient } from "./registered-client.js";

/** Why a client may not be used in a dialect, for the log; undefined if it may. @param client null if it is not registered */
export function whyUnusable(
  client: Pick<RegisteredClient, "client_id" | "disabled" | "dialects"> | null,
  dialect: string,
): string | undefined {
  if (client === null) return "not registered";
  if (client.disabled) return `${client.client_id}${DISABLED}`;
  return client.dialects.includes(dialect) ? undefined : `${client.client_id}${OTHER_DIALECT}${dialect}`;
}

/** Whether a reason is one of these, for a registered client. */
export function isAboutUse(reason = ""): boolean {
  return reason.endsWith(DISABLED) || reason.includes(OTHER_DIALECT);
}

const DISABLED = " is disabled";
const OTHER_DIALECT = " may not use the dialect ";
