import { ABSENT, type ClientRow, type NewClient } from "./clients.js";

/** The row of a client as it would be if these columns were written. @param present the row as it is, if there is one */
export function rowToBe(client: NewClient, present: ClientRow | null): ClientRow {
  const { token_epoch = 0, secrets = [] } = present ?? {};
  return { ...present, ...ABSENT, ...client, token_epoch, secrets } as unknown as ClientRow;
}
