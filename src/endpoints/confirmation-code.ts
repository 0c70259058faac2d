import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { isEmail, normaliseIdentifier } from "../accounts/identifiers.js";
import { readPhoneNumber } from "../accounts/phone-number.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { readParameters } from "../http/parameters.js";
import { CONFIRMATION_CODE } from "../store/confirmation-codes.js";
import { findByIdentifier, type Account } from "../store/users.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    confirmationCode: undefined;
  }
}

const parameters = z
  .object({
    phone_number: z
      .union([
        z.literal(""),
        z
          .string()
          .max(64)
          .refine((text) => readPhoneNumber(text) !== undefined),
      ])
      .optional(),
    email: z.union([z.literal(""), z.string().refine(isEmail)]).optional(),
  })
  .refine((given) => given.phone_number || given.email, { message: "phone_number_missing" })
  .refine((given) => !given.phone_number || !given.email, { path: ["email"] });

/**
 * Sends a user a code to log in with instead of a password (SimpleIdentityServer's SMS page). The response and its timing do
 * not reveal whether a user has the number: the code is sent after the response.
 */
export const confirmationCodeEndpoint: FastifyPluginAsync = async (app) => {
  app.operations.offer("confirmationCode", { guard: null, run: sendCode });
};

async function sendCode({ document, network, facts }: OperationRequest, core: Core): Promise<undefined> {
  const given = readParameters(parameters, new Map(Object.entries(document ?? {})));
  const address = normaliseIdentifier(given.phone_number || given.email || "");
  if (core.codeSender === undefined) {
    throw new Refusal("code_sender_missing", { reason: "CODE_WEBHOOK_URL is not set" });
  }
  await core.rateLimits.consumeOrThrow({ on: "codes of a network", id: network });
  await core.rateLimits.consumeOrThrow({ on: "codes to an address", id: address });

  const account = await findByIdentifier(core.db, address);
  const exists = account !== undefined && !account.disabled;
  const code = await core.codes.issue(address, exists);
  if (!exists) return;
  facts.sub = account.sub;
  core.codeSender.send({ ...receiverOf(account, address), code, expires_in: CONFIRMATION_CODE.lifetime });
}

/** Sends to the stored address, not to the spelling in the request. */
function receiverOf({ email }: Account, address: string): { channel: "sms" | "email"; to: string } {
  return readPhoneNumber(address) === address
    ? { channel: "sms", to: address }
    : { channel: "email", to: email ?? address };
}
