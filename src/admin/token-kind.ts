import { z } from "zod";
import type { Core } from "../core.js";
import { REASONS } from "./token-reasons.js";

/** How a token in hand is described. Each kind of token has a reader (token-kinds.ts). */

export const TOKEN = z.object({
  kind: z.enum([
    "access_token",
    "requesting_party_token",
    "refresh_token",
    "id_token",
    "logout_token",
    "userinfo_response",
    "introspection_response",
    "authorization_response",
    "authorization_code",
    "device_code",
    "permission_ticket",
    "persisted_claims_token",
    "initial_access_token",
    "registration_access_token",
  ]),
  in_force: z.boolean().optional().meta({ description: "absent if the token alone does not say" }),
  reasons: z.array(z.enum(REASONS)).meta({ description: "why it is not in force" }),
  format: z.enum(["jwt", "opaque"]).optional(),
  iss: z.string().optional(),
  client_id: z.string().optional(),
  sub: z.string().optional(),
  username: z.string().optional(),
  scope: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  jti: z.string().optional(),
  kid: z.string().optional().meta({ description: "key that signed it" }),
  grant_id: z.string().optional(),
  sid: z.string().optional(),
  generation: z.int().optional().meta({ description: "of a refresh token" }),
  grant_generation: z.int().optional().meta({ description: "generation in force, if its grant is" }),
  ended_because: z.string().optional().meta({ description: "how its grant ended" }),
  actor: z.string().optional().meta({ description: "party that acts for the subject" }),
  cnf: z.object({ "x5t#S256": z.string().optional(), jkt: z.string().optional() }).optional().meta({
    description: "keys that it is bound to",
  }),
  permissions: z.array(z.object({ resource_id: z.string(), resource_scopes: z.array(z.string()) })).optional(),
  uses_left: z.int().optional(),
  issued_at: z.iso.datetime().optional(),
  expires_at: z.iso.datetime().optional(),
});

/** A token, before absent members are left out. Times may be dates. */
export type Described = Omit<z.output<typeof TOKEN>, "in_force" | "issued_at" | "expires_at"> & {
  /** By default whether there is no reason against it. */
  readonly in_force?: boolean | undefined;
  readonly issued_at?: Date | undefined;
  readonly expires_at?: Date | undefined;
};

/** Describes a text that is a token of its kind; undefined for any other text. */
export type TokenReader = (core: Core, text: string) => Promise<Described | undefined>;

/** A NumericDate (RFC 7519 section 2) as a date. */
export function dateOf(seconds: number | undefined): Date | undefined {
  return seconds === undefined ? undefined : new Date(seconds * 1_000);
}
