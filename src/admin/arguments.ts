import { z } from "zod";
import type { Core } from "../core.js";
import { text } from "../provisioning/fields.js";

/** Members that several commands have in their input. */

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A duration such as `90s`, `15m`, `24h` or `7d`. Its value is in seconds. */
export const duration = z
  .string()
  .regex(/^\d{1,6}[smhd]$/, { error: ({ input }) => `"${String(input)}" is not a duration: write 90s, 15m, 24h or 7d` })
  .transform((written) => Number(written.slice(0, -1)) * UNITS[written.slice(-1)]!);

/** A name or an id that is looked up. It fits into a path, percent-encoded (http/limits.ts). */
export const name = text.max(255);

/** The path of a file. */
export const file = text.max(4_096);

/** The subject of a command on a client. */
export const CLIENT_ID = { client_id: name.meta({ description: "client" }) };

/** The subject of a command on a user. */
export const USER = {
  user: name.meta({ description: "user (sub, login name, verified email or verified phone number)" }),
};

/** The last line of the help on commands whose flags are the keys of an entry. */
export const SETTINGS_NOTE =
  "docs/settings.md explains each key of a client and of a user; a flag has dashes in place of underscores.";

/** The output of a command that has something to say about the result. */
export const WARNINGS = { warnings: z.array(z.string()).optional() };

/** A member for warnings, if there are some. */
export function withWarnings(warnings: readonly string[] = []): { readonly warnings?: readonly string[] } {
  return warnings.length === 0 ? {} : { warnings };
}

/** A secret for a user or a client: the given one, or a new one that is shown once. */
export function takeSecret(
  { random }: Pick<Core, "random">,
  given: string | undefined,
  bytes: number,
): { readonly secret: string; readonly shown: boolean } {
  return given === undefined
    ? { secret: random(bytes).toString("base64url"), shown: true }
    : { secret: given, shown: false };
}
