import { z } from "zod";
import { consentedScope, consentsBehind, withdrawConsent } from "../store/consents.js";
import { OperatorError } from "../errors/operator-error.js";
import { name, USER } from "./arguments.js";
import { command, type AnyCommand } from "./command.js";
import { pageOf, PAGING, textsOf } from "./page.js";
import { onePerson } from "./people.js";

export const CONSENT_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "consent list",
    does: "lists what a user has allowed clients",
    access: "read",
    effect: "reads",
    input: z.strictObject({ ...USER, ...PAGING }),
    output: z.object({
      sub: z.string(),
      preferred_username: z.string(),
      client_id: z.string(),
      client_name: z.string().nullable(),
      scope: z.array(z.string()).readonly(),
      given_at: z.iso.datetime(),
    }),
    paged: true,
    run: async ({ core, input: { user, limit }, after }) => {
      const [client_id = ""] = textsOf(after, 1);
      const rows = await consentsBehind(core.db, { sub: await onePerson(core, user), client_id }, limit + 1);
      return pageOf(
        rows,
        limit,
        (row) => [row.client_id],
        (row) => row,
      );
    },
  }),
  command({
    name: "consent withdraw",
    does: "withdraws what a user has allowed a client, and ends the grants that rest on it",
    access: "revoke",
    effect: "ends",
    subject: "user",
    input: z.strictObject({ ...USER, client: name.meta({ description: "client" }) }),
    output: z.object({ sub: z.string(), client_id: z.string(), withdrawn: z.boolean() }),
    run: async ({ core, input, change }) => {
      const sub = await onePerson(core, input.user);
      const scope = await consentedScope(core.db, sub, input.client);
      if (scope.length === 0) throw new OperatorError(`${sub} has allowed ${input.client} nothing`, "not_found");
      await withdrawConsent(core.db, { sub, client_id: input.client }, core.clock.statement(), change);
      return { sub, client_id: input.client, withdrawn: true };
    },
  }),
];
