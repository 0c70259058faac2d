import { z } from "zod";
import { SIGNING_ALGORITHMS } from "../keys/signing-key.js";
import { CLIENT_DEFAULTS, type NO_RESPONSE_SETTINGS } from "./defaults.js";
import { CONTENT_ENCRYPTIONS, RESPONSE_ENCRYPTION_ALGORITHMS } from "./encryption.js";

/** How a client gets its responses signed and encrypted, in a provisioning file and in its own registration. */
export const RESPONSE_SETTINGS = {
  id_token_signed_response_alg: z.enum(SIGNING_ALGORITHMS).default(CLIENT_DEFAULTS.id_token_signed_response_alg),
  userinfo_signed_response_alg: z.enum(SIGNING_ALGORITHMS).optional(),
  authorization_signed_response_alg: z.enum(SIGNING_ALGORITHMS).default("RS256"),
  introspection_signed_response_alg: z.enum(SIGNING_ALGORITHMS).default("RS256"),
  id_token_encrypted_response_alg: z.enum(RESPONSE_ENCRYPTION_ALGORITHMS).optional(),
  id_token_encrypted_response_enc: z.enum(CONTENT_ENCRYPTIONS).optional(),
  userinfo_encrypted_response_alg: z.enum(RESPONSE_ENCRYPTION_ALGORITHMS).optional(),
  userinfo_encrypted_response_enc: z.enum(CONTENT_ENCRYPTIONS).optional(),
};

/** Checks that each `enc` has its `alg` (OpenID Connect Registration section 2). */
export function checkEncryption(
  one: Readonly<Partial<Record<keyof typeof NO_RESPONSE_SETTINGS, string | undefined>>>,
  context: z.RefinementCtx,
): void {
  for (const of of ["id_token", "userinfo"] as const) {
    const [alg, enc] = [`${of}_encrypted_response_alg`, `${of}_encrypted_response_enc`] as const;
    if (one[enc] === undefined || one[alg] !== undefined) continue;
    const message = `needs ${alg} (OpenID Connect Registration section 2)`;
    context.addIssue({ code: "custom", path: [enc], message });
  }
}
