import { readRedirectUri } from "../browser/authorize/target.js";
import { requireChallenge } from "../browser/authorize/request.js";
import { requirePushed, requireSigned } from "../browser/authorize/gather.js";
import { requireProof } from "../clients/dpop.js";
import { bindsToCertificate, methodNamed, methodNames, usedMethod } from "../clients/methods.js";
import type { PresentedCredentials } from "../clients/presented.js";
import { isRegistered } from "../clients/redirect-uri.js";
import { whyUnusable } from "../clients/usable.js";
import type { SlotlessCode } from "../errors/catalogue.js";
import { Refusal } from "../errors/refusal.js";
import { authorizationCodeGrant } from "../grants/authorization-code.js";
import { DEVICE_CODE_GRANT, deviceCodeGrant } from "../grants/device-code.js";
import { GRANTS } from "../grants/index.js";
import { scopeByRoles } from "../grants/issue.js";
import { requireUsable } from "../grants/jwt-bearer.js";
import { permit } from "../grants/permit.js";
import { requireScopes, targetsAmong } from "../grants/targets.js";
import type { Again } from "./again.js";
import type { Check } from "./checks.js";
import { scopeOf } from "./scope-rules.js";

/**
 * The rules of a decision: everything that depends on the configuration alone. Each calls the function by which the request itself
 * was decided. What a request proved (a secret, a password, a code, a consent) is no rule, and is carried over.
 */

/** A rule. @throws Refusal */
type Rule = (again: Again) => Promise<void> | void;

/** What a request presented, as far as methods of authentication tell requests apart. */
const PRESENTED: Readonly<Record<string, PresentedCredentials>> = {
  client_secret_basic: { basic: { client_id: "", client_secret: "?" } },
  client_secret_post: { client_secret: "?" },
  client_secret_jwt: { client_assertion: "?" },
  private_key_jwt: { client_assertion: "?" },
  device_jwt: { device_jwt: { text: "?", bringsKey: false } },
};

export const RULES: Readonly<Partial<Record<Check, Rule>>> = {
  client: async (again) => {
    const { client_id, facts } = again.recalled;
    if (client_id === undefined) return;
    const client = await again.configuration.client(client_id);
    const reason = whyUnusable(client, facts.dialect ?? client?.dialects[0] ?? "");
    if (client === null || reason !== undefined) throw new Refusal("client_unknown", { reason });
    again.client = client;
  },
  authentication: async ({ client, recalled, configuration }) => {
    const { client_auth } = recalled.facts;
    if (client === undefined || client_auth === undefined) return;
    if (methodNames(client).some((name) => name === client_auth)) return;
    // The request lacks what the present methods of its client ask for, so the check ends before it needs a secret.
    const presented = PRESENTED[client_auth] ?? {};
    await methodNamed(usedMethod(client, presented)).check({ client, presented, audiences: [] }, configuration.means);
  },
  permission: ({ client, recalled: { facts } }) => {
    const { operation, grant_type } = facts;
    if (client === undefined) return;
    if (operation === "deviceAuthorization") return permit(client, deviceCodeGrant, DEVICE_CODE_GRANT);
    if (operation === "authorize" || operation === "pushAuthorization")
      return permit(client, authorizationCodeGrant, "authorization_code");
    const grant = GRANTS.find(({ types }) => types.includes(grant_type ?? ""));
    if (grant !== undefined) permit(client, grant, grant_type!);
  },
  keys: ({ client, recalled: { facts, again } }) => {
    if (client === undefined || again.has_proof === undefined) return;
    requireProof(client, again.has_proof);
    const method = methodNames(client).find((name) => name === facts.client_auth);
    bindsToCertificate(client, method ?? methodNames(client)[0]!, again.has_certificate === true);
  },
  resource: (one) => {
    const { resources = [], resource_unknown = 0 } = one.recalled.again;
    const names = [...resources, ...(resource_unknown > 0 ? ["unknown"] : [])];
    if (one.client === undefined || names.length === 0) return;
    const { scopes, issuer } = one.configuration;
    one.targets = targetsAmong(scopes, issuer, one.client, names.join(" "));
  },
  request_object: ({ client, recalled: { facts, again } }) => {
    if (client === undefined || again.authorization === undefined) return;
    const { is_pushed, is_signed } = again.authorization;
    if (!is_pushed) requirePushed(client);
    if (!is_signed && (!is_pushed || facts.operation === "pushAuthorization")) requireSigned(client);
  },
  redirect_uri: async ({ client, recalled: { facts, again }, configuration }) => {
    if (client === undefined) return;
    if (facts.grant_type === "authorization_code") {
      const grant = facts.grant_id === undefined ? undefined : await configuration.grant(facts.grant_id);
      const redirect_uri = grant?.redirect_uri ?? undefined;
      if (redirect_uri !== undefined && !isRegistered(redirect_uri, client.redirect_uris))
        throw new Refusal("code_redirect_uri_unknown", { slots: { redirect_uri } });
      return;
    }
    const redirect_uri = again.authorization?.redirect_uri;
    if (redirect_uri !== undefined) readRedirectUri(client, { parameters: new Map([["redirect_uri", redirect_uri]]) });
  },
  pkce: ({ client, recalled: { again } }) => {
    if (client !== undefined && again.authorization?.has_challenge === false) requireChallenge(client);
  },
  rules: async ({ client, recalled: { facts }, configuration }) => {
    if (client === undefined || facts.assertion_issuer === undefined) return;
    const issuer = await configuration.trustedIssuer(facts.assertion_issuer);
    if (issuer === undefined) throw new Refusal("assertion_grant_invalid", { reason: "its issuer is not registered" });
    requireUsable(issuer, client);
  },
  person: async ({ recalled: { sub, facts }, configuration }) => {
    if (sub === undefined) return;
    const person = await configuration.person(sub);
    if (person !== undefined && !person.disabled) return;
    throw new Refusal(WITHOUT_PERSON[facts.grant_type ?? ""] ?? "token_not_valid", { reason: "the user is disabled" });
  },
  scope: async (again) => {
    const { client, recalled, configuration, targets } = again;
    const scope = client && (await scopeOf({ ...again, client }));
    if (scope === undefined) return;
    requireScopes(targets, scope);
    const { sub, facts } = recalled;
    const person = sub === undefined || facts.operation !== "token" ? undefined : await configuration.person(sub);
    again.scope = person === undefined ? scope : scopeByRoles({ scope, user: person });
  },
};

/** How each grant refuses a user who is disabled. */
const WITHOUT_PERSON: Readonly<Record<string, SlotlessCode>> = {
  password: "resource_owner_credentials_wrong",
  refresh_token: "refresh_token_invalid",
  authorization_code: "code_invalid",
  [DEVICE_CODE_GRANT]: "device_code_invalid",
  "urn:ietf:params:oauth:grant-type:jwt-bearer": "assertion_grant_invalid",
};
