import { actingFor } from "../store/audit-actor.js";
import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { normaliseIdentifier } from "../accounts/identifiers.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { readParameters, required } from "../http/parameters.js";
import { verifyAddress } from "../store/app-users.js";
import { CONFIRMATION_CODE } from "../store/confirmation-codes.js";
import type { Person } from "../store/users.js";
import { identifyCaller } from "./app-caller.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    sendVerification: undefined;
    verifyAddress: undefined;
  }
}

/** The endpoints of applications (Kii Cloud) by which users verify their email address or phone number. */
export const appVerificationEndpoints: FastifyPluginAsync = async (app) => {
  app.operations.offer("sendVerification", { guard: null, run: sendVerification });
  app.operations.offer("verifyAddress", { guard: null, run: verify });
};

/** An address of the caller that is not verified, and its normalised form. */
interface Unverified {
  readonly person: Person;
  readonly kind: "email" | "phone_number";
  readonly address: string;
  readonly identifier: string;
}

async function unverifiedOf(request: OperationRequest, core: Core): Promise<Unverified> {
  const caller = await identifyCaller(request, core);
  if (caller.kind !== "user") throw new Refusal("access_token_not_a_persons");
  const { person } = caller;
  const { userID, address: which } = request.path;
  if (![person.sub, "me"].includes(userID!)) throw new Refusal("app_user_foreign");
  const kind = which === "phone-number" ? "phone_number" : "email";
  const address = person[kind];
  if (address === null || person[`${kind}_verified`]) throw new Refusal("nothing_to_verify");
  return { person, kind, address, identifier: normaliseIdentifier(address) };
}

/** The code is for this user and this purpose: no other account can log in with it. */
function purposeOf({ sub }: Person, identifier: string): string {
  return `verify\n${sub}\n${identifier}`;
}

/** Sends a code to the address, by the same way as a confirmation code. */
async function sendVerification(request: OperationRequest, core: Core): Promise<undefined> {
  const { person, kind, address, identifier } = await unverifiedOf(request, core);
  if (core.codeSender === undefined) {
    throw new Refusal("code_sender_missing", { reason: "CODE_WEBHOOK_URL is not set" });
  }
  await core.rateLimits.consumeOrThrow({ on: "codes of a network", id: request.network });
  await core.rateLimits.consumeOrThrow({ on: "codes to an address", id: identifier });
  const code = await core.codes.issue(purposeOf(person, identifier), true);
  const channel = kind === "email" ? "email" : "sms";
  core.codeSender.send({ channel, to: address, code, expires_in: CONFIRMATION_CODE.lifetime });
}

const parameters = z.object({ code: required("code_missing") });

/** Verifies the address by its code. From then on the user may log in with it. */
async function verify(request: OperationRequest, core: Core): Promise<undefined> {
  const { code } = readParameters(parameters, request.parameters, request.spelling.members);
  const { person, kind, address, identifier } = await unverifiedOf(request, core);
  if (!(await core.codes.redeem(purposeOf(person, identifier), code))) throw new Refusal("verification_code_wrong");
  if (
    !(await verifyAddress(actingFor(core.db, { kind: "person", id: person.sub }), person.sub, {
      kind,
      address,
      identifier,
    }))
  )
    throw new Refusal("user_exists");
}
