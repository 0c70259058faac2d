import { z } from "zod";
import { isEmail, loginNameProblem, verifiedAddressesOf } from "../accounts/identifiers.js";
import { registeredUriProblem } from "../clients/registered-uri.js";
import { foreignHash, id, password, personClaimProblem, phoneNumber, text } from "./fields.js";
import { checkNames, json } from "./json-value.js";

/** A user of the provisioning file: the claims of OpenID Connect Core, and any others. */

/** Claims whose values apps link to (OpenID Connect Core section 5.1). A value without a scheme is no link. */
const URI_CLAIMS = ["profile", "picture", "website"] as const;

export const user = z
  .object({
    sub: id,
    preferred_username: text.max(255).trim(),
    // null removes it; an absent key leaves it as it is.
    password: password.nullish(),
    password_hash: foreignHash(["bcrypt", "argon2", "scrypt", "pbkdf2", "phpass"]).optional(),
    email: text.refine(isEmail, "must be an email address").optional(),
    email_verified: z.boolean().default(false),
    phone_number: phoneNumber.optional(),
    phone_number_verified: z.boolean().default(false),
    roles: z.array(text.max(255)).default([]),
    // A claim of RFC 8693 section 4.4. A form that cannot be read would name no actor.
    may_act: z.strictObject({ sub: id }).optional(),
    disabled: z.boolean().default(false),
  })
  .catchall(json)
  .superRefine(checkNames)
  .superRefine((value, context) => {
    const own = verifiedAddressesOf(value).map((one) => one.value);
    const why = loginNameProblem(value.preferred_username, own);
    if (why !== undefined) context.addIssue({ code: "custom", path: ["preferred_username"], message: why });
    for (const name of URI_CLAIMS) {
      const uri = value[name];
      const message = typeof uri === "string" && uri.includes(":") ? registeredUriProblem(uri) : undefined;
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
    }
    for (const name of Object.keys(value).filter((one) => !USER_KEYS.includes(one))) {
      const message = personClaimProblem(name, USER_KEYS);
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message });
    }
  })
  .refine(({ password, password_hash }) => password === undefined || password_hash === undefined, {
    path: ["password_hash"],
    message: "must not stand beside password",
  });

/** The known keys of a user; all others are free claims. */
const USER_KEYS: readonly string[] = Object.keys(user.shape);
