import { z } from "zod";
import { assertionLifetime, id, jwk, scopeName, text, webUri } from "./fields.js";

/** An issuer whose assertions about users are accepted: which clients may send them, and whom they may name (RFC 7523). */
export const issuer = z
  .strictObject({
    issuer: text.max(2_048),
    jwks: z.strictObject({ keys: z.array(jwk).min(1).max(100) }).optional(),
    jwks_uri: webUri.optional(),
    clients: z.array(id).min(1),
    scopes: z.array(scopeName).min(1),
    subject_claim: text.max(255).default("sub"),
    subject_is: z.enum(["sub", "identifier"]).default("sub"),
    subjects: z.array(text.max(255)).optional(),
    claims: z.record(z.string(), z.union([text, z.number(), z.boolean()])).default({}),
    assertion_lifetime: assertionLifetime.default(300),
    disabled: z.boolean().default(false),
  })
  .refine(({ jwks, jwks_uri }) => (jwks === undefined) !== (jwks_uri === undefined), {
    path: ["jwks_uri"],
    message: "either this or jwks is needed",
  });
