import type { Check, CheckResult } from "./checks.js";

/** The words of explanations, as rows with a text for each language, like those of src/pages/texts. `{name}` is a slot. */

/** What each check asks. */
export const CHECK_TEXTS = {
  request: { en: "the request can be read" },
  grant_type: { en: "the grant type is named, and this path supports it" },
  parameters: { en: "every parameter that is needed is there, and can be read" },
  client: { en: "the client is registered and enabled, and may use this dialect" },
  authentication: { en: "the client proves who it is, by a method that it is registered for" },
  permission: { en: "the client is registered for this kind of request" },
  keys: { en: "the client shows the keys that its tokens are bound to" },
  request_object: { en: "the request is pushed or signed, if its client has to do that" },
  redirect_uri: { en: "the redirect URI is registered" },
  pkce: { en: "the request has a PKCE challenge, if its client needs one" },
  resource: { en: "the named resource servers are audiences of the client's scopes" },
  credential: { en: "the password, code, token, assertion or ticket is accepted" },
  person: { en: "the user exists and is enabled" },
  rules: { en: "the rules of the resource, the exchange or the issuer allow it" },
  scope: { en: "the scopes are allowed" },
  login: { en: "the user is logged in" },
  consent: { en: "the user has agreed" },
  limits: { en: "there were not too many attempts" },
  tokens: { en: "the tokens can be made" },
  server: { en: "the server can do its work" },
} as const satisfies Readonly<Record<Check, { readonly en: string }>>;

export const RESULT_TEXTS = {
  passed: { en: "passed" },
  refused: { en: "refused" },
  not_reached: { en: "not reached" },
  unknown: { en: "not known: the refusal does not tell how far the request came" },
} as const satisfies Readonly<Record<CheckResult, { readonly en: string }>>;

const SENTENCES = {
  asked: { en: "{client} asked for {operation}{grant}{user} in the dialect {dialect}" },
  "asked.client": { en: "the client {client_id}" },
  "asked.unknown": { en: "an unknown client" },
  "asked.grant": { en: " by {grant_type}" },
  "asked.user": { en: " for the user {sub}" },
  "today.same": { en: "the outcome would be the same today" },
  "today.granted": { en: "it would be granted today" },
  "today.refused": { en: "it would be refused today with {code}" },
  "today.open": { en: "it would get further today, up to this check, which was not made then: {check}" },
  "today.carried": {
    en: "what the request proved is taken as it was then: secrets, passwords, codes, tokens, logins and consents",
  },
  "today.different": { en: "granted as well, with other terms" },
  "since.client_gone": { en: "the client does not exist any more" },
  "since.client_epoch": { en: "everything of the client was ended since" },
  "since.user_gone": { en: "the user does not exist any more" },
  "since.user_epoch": { en: "everything of the user was ended since: their tokens, grants and sessions" },
  "since.grant_ended": { en: "the grant was ended since ({because})" },
  "since.grant_gone": { en: "the row of the grant is deleted" },
  "since.scopes_unknown": { en: "{count} of the requested scopes are not declared here, and their names are not kept" },
} as const satisfies Readonly<Record<string, { readonly en: string }>>;

export type Language = "en";

/** A sentence with its slots filled. */
export function say(
  language: Language,
  name: keyof typeof SENTENCES,
  slots: Readonly<Record<string, string | number>> = {},
): string {
  return SENTENCES[name][language].replace(/\{(\w+)\}/g, (slot, key: string) => String(slots[key] ?? slot));
}
