import { z } from "zod";
import { allTrustedIssuers } from "../store/trusted-issuers.js";
import { command, type AnyCommand } from "./command.js";

export const ISSUER_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "issuer list",
    does: "lists every issuer whose assertions are accepted, with its clients, scopes and demands",
    access: "read",
    effect: "reads",
    input: z.strictObject({}),
    output: z.array(
      z.object({
        issuer: z.string(),
        jwks_uri: z.string().nullable(),
        clients: z.array(z.string()),
        scopes: z.array(z.string()),
        subject_claim: z.string(),
        subject_is: z.enum(["sub", "identifier"]),
        subjects: z.array(z.string()).nullable(),
        claims: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
        assertion_lifetime: z.int(),
        disabled: z.boolean(),
        keys: z.int(),
      }),
    ),
    run: async ({ core }) =>
      (await allTrustedIssuers(core.db)).map(({ jwks, ...issuer }) => ({ ...issuer, keys: jwks?.keys.length ?? 0 })),
  }),
];
