import { z } from "zod";
import { Refusal } from "../../errors/refusal.js";
import { readStrictJson } from "../../strict-json.js";

/** The claims parameter (OpenID Connect Core section 5.5): a client asks for single claims by name. */

const name = z.string().max(255);

const claimRequest = z
  .object({
    essential: z.boolean().optional(),
    value: z.unknown().optional(),
    values: z.array(z.unknown()).max(20).optional(),
  })
  .nullable();

const schema = z.object({
  id_token: z.record(name, claimRequest).optional(),
  userinfo: z.record(name, claimRequest).optional(),
});

/** Authentication context class of a password (ISO/IEC 29115 level 1), the only one that is supported. */
export const PASSWORD_ACR = "1";

export interface ClaimsParameter {
  /** The names of the claims for the id_token. */
  readonly id_token: readonly string[];
  /** The names of the claims for the userinfo response. */
  readonly userinfo: readonly string[];
  /** The person who has to log in. */
  readonly sub: string | undefined;
  /** Whether the client requires an authentication context class that is not supported. */
  readonly impossible: boolean;
}

/** @throws Refusal parameter_malformed for anything but the documented JSON */
export function readClaimsParameter(text: string | undefined): ClaimsParameter {
  const { id_token = {}, userinfo = {} } = parse(text);
  const { sub, acr } = id_token;
  return {
    id_token: Object.keys(id_token),
    userinfo: Object.keys(userinfo),
    sub: typeof sub?.value === "string" ? sub.value : undefined,
    impossible: acr?.essential === true && !allows(acr, PASSWORD_ACR),
  };
}

function parse(text: string | undefined): z.infer<typeof schema> {
  if (text === undefined) return {};
  try {
    return schema.parse(readStrictJson(text));
  } catch {
    throw new Refusal("parameter_malformed", { slots: { name: "claims" } });
  }
}

function allows({ value, values }: { value?: unknown; values?: unknown[] | undefined }, acr: string): boolean {
  if (value === undefined && values === undefined) return true;
  return value === acr || values?.includes(acr) === true;
}
