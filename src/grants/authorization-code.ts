import { hash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { isHeldBy } from "../clients/confirmation.js";
import { isRegistered } from "../clients/redirect-uri.js";
import type { Client } from "../clients/registry.js";
import { Refusal } from "../errors/refusal.js";
import { optional, required } from "../http/parameters.js";
import { redeemCode, type CodeBinding, type RedeemedCode } from "../store/authorization-codes.js";
import { readAuthorizationCode } from "../tokens/authorization-code.js";
import { entitle } from "./entitle.js";
import { grantPlugin, type GrantContext } from "./grant.js";

/**
 * Exchanges an authorization code (RFC 6749 section 4.1.3). The first attempt uses the code up, even if it fails, so a
 * verifier cannot be guessed twice. A second attempt ends the grant of the first.
 */
const parameters = z.object({
  code: required("code_missing"),
  redirect_uri: optional.refine((uri) => uri === undefined || isAbsolute(uri), { error: "redirect_uri_malformed" }),
  code_verifier: optional,
});

export const authorizationCodeGrant = grantPlugin({
  types: ["authorization_code"],
  schema: parameters,
  responseTypes: ["code"],
  async decide({ code, redirect_uri, code_verifier }, context) {
    const { core, client, facts } = context;
    const name = readAuthorizationCode(core.master, code);
    if (name === undefined) throw new Refusal("code_invalid", { reason: "not written by this server" });
    const { grant_id, jkt } = name;
    facts.grant_id = grant_id;
    // Comes before the store: a wrong key uses no code up (RFC 9449 section 10).
    if (!isHeldBy({ jkt }, context.shown)) throw new Refusal("code_key_wrong");

    const { binding, user } = await redeem(grant_id, context); // code_invalid
    facts.sub = user.sub;
    checkVerifier(binding.code_challenge, code_verifier); // code_verifier_wrong
    if (binding.client_id !== client.client_id) {
      throw new Refusal("code_foreign", { slots: { client_id: client.client_id } });
    }
    checkRedirectUri(binding, redirect_uri); // code_redirect_uri_differs
    if (binding.obsolete) throw new Refusal("code_obsolete");
    if (!isRegistered(binding.redirect_uri, client.redirect_uris)) {
      throw new Refusal("code_redirect_uri_unknown", { slots: { redirect_uri: binding.redirect_uri } });
    }
    return entitle(context, binding, { user, grant: { grant_id, generation: 0 }, nonce: binding.nonce });
  },
});

/** Uses the code up. @throws Refusal code_invalid for an unknown or used code, or one of a disabled user */
async function redeem(grant_id: string, { core, client, spelling, facts }: GrantContext): Promise<RedeemedCode> {
  const redeemed = await redeemCode(core.db, grant_id, grantLifetimes(client), spelling.name, core.clock.statement());
  if (redeemed === "replayed") facts.alarm = "code_replayed";
  if (typeof redeemed === "string") throw new Refusal("code_invalid", { reason: `the code is ${redeemed}` });
  return redeemed;
}

/** A grant without refresh tokens lives as long as its one access token. */
export function grantLifetimes(client: Client): { idle: number; absolute: number } {
  const { access_token_lifetime, refresh_token_lifetime, refresh_token_absolute_lifetime } = client;
  return client.grant_types.includes("refresh_token")
    ? { idle: refresh_token_lifetime, absolute: refresh_token_absolute_lifetime }
    : { idle: access_token_lifetime, absolute: access_token_lifetime };
}

/** RFC 7636 section 4.1: 43 to 128 unreserved characters. */
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * A challenge that was sent is always enforced. A verifier without a challenge means that an attacker has removed the
 * challenge from the authorization request (RFC 9700 section 2.1.1).
 */
function checkVerifier(challenge: string | null, verifier: string | undefined): void {
  if (challenge === null && verifier === undefined) return;
  if (challenge === null || verifier === undefined || !VERIFIER.test(verifier))
    throw new Refusal("code_verifier_wrong");
  const expected = Buffer.from(challenge, "ascii");
  const actual = Buffer.from(hash("sha256", verifier, "base64url"), "ascii");
  if (expected.length !== actual.length || !timingSafeEqual(expected, actual)) throw new Refusal("code_verifier_wrong");
}

function checkRedirectUri({ redirect_uri, redirect_uri_given }: CodeBinding, sent: string | undefined): void {
  const matches = sent === undefined ? !redirect_uri_given : sent === redirect_uri;
  if (!matches) throw new Refusal("code_redirect_uri_differs");
}

function isAbsolute(uri: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[^\s\\]+$/.test(uri) && URL.canParse(uri);
}
