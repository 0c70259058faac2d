import { z } from "zod";
import { OperatorError } from "../errors/operator-error.js";
import { command, type AnyCommand, type CommandContext } from "./command.js";
import { present } from "./present.js";
import { TOKEN } from "./token-kind.js";
import { describeToken } from "./token-kinds.js";

const IN_HAND = z.strictObject({
  token: z.string().min(1).max(100_000).meta({ description: "token in hand" }),
});

async function show({ core, input }: CommandContext<z.output<typeof IN_HAND>>) {
  const described = await describeToken(core, input.token.trim());
  if (described === undefined) {
    throw new OperatorError("this is not a token of this server, or its signing key is long gone", "not_found");
  }
  const in_force = described.kind === "registration_access_token" ? undefined : described.reasons.length === 0;
  return present({ ...described, in_force });
}

export const TOKEN_COMMANDS: readonly AnyCommand[] = [
  command({
    name: "token show",
    does: "describes a token in hand: what it is, whose, and whether it is in force or why not",
    access: "read",
    effect: "reads",
    input: IN_HAND,
    output: TOKEN,
    terms: { stdin: { "token-stdin": "token" }, takes: "--token-stdin" },
    run: show,
  }),
];
