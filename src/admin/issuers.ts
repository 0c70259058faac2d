import { allTrustedIssuers } from "../store/trusted-issuers.js";
import type { Command } from "./command.js";

export const ISSUER_COMMANDS: readonly Command[] = [
  {
    name: "issuer list",
    takes: "",
    does: "lists every issuer whose assertions are accepted, with its clients, scopes and demands",
    run: async ({ core }) =>
      (await allTrustedIssuers(core.db)).map(({ jwks, ...issuer }) => ({ ...issuer, keys: jwks?.keys.length ?? 0 })),
  },
];
