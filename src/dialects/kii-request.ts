import { z } from "zod";
import { readBearer, readRawBasic, type PresentedCredentials } from "../clients/presented.js";
import { Refusal } from "../errors/refusal.js";
import type { RequestSpelling } from "../grants/spelling.js";
import { readParameters } from "../http/parameters.js";
import type { Reader, WireRequest } from "./dialect.js";

/** Where Kii Cloud's clients put what they ask for (docs/dialects.md), read into the standard's names. */

/** The application: in the path, in two headers, or in Basic; what stands in two places must be the same. */
export const readApp: Reader = ({ path, headers, authorization = "" }) => {
  const basic = readRawBasic(authorization);
  const app_id = theOne([path.appID, text(headers["x-kii-appid"]), basic?.client_id], "appID");
  const app_key = theOne([text(headers["x-kii-appkey"]), basic?.client_secret || undefined], "appKey") ?? "";
  return {
    parameters: new Map(),
    credentials: {
      basic: app_id === undefined ? undefined : { client_id: app_id, client_secret: app_key },
      bearer: readBearer(authorization),
    },
  };
};

/** @throws Refusal app_ambiguous where the places do not agree */
function theOne(places: readonly (string | undefined)[], name: string): string | undefined {
  const [found, another] = new Set(places.filter((one) => one !== undefined));
  if (another !== undefined) throw new Refusal("app_ambiguous", { slots: { name } });
  return found;
}

function text(header: string | readonly string[] | undefined): string | undefined {
  return header ? String(header) : undefined;
}

const member = z.string().optional();

/** @param time how a time is written there: a number in JSON, digits in a form */
function tokenRequest(time: z.ZodType<string | undefined>) {
  return z.object({
    grant_type: member,
    username: member,
    password: member,
    client_id: member,
    client_secret: member,
    refresh_token: member,
    expiresAt: time,
    expires_at: time,
  });
}

const IN_JSON = tokenRequest(z.int().transform(String).optional());
const IN_FORM = tokenRequest(member);

/** A token request; without a grant_type it is what its members make of it. */
export const readTokenRequest: Reader = (wire) => {
  const { client_id, client_secret, expiresAt, expires_at, ...sent } = readMembers(wire);
  const { parameters, credentials } = readApp(wire);
  const asked = {
    ...sent,
    grant_type: sent.grant_type ?? impliedGrant(sent.username, client_id),
    expires_at: theSame(expiresAt, expires_at),
  };
  const named = Object.entries(asked).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    parameters: new Map([...parameters, ...named]),
    credentials: { ...withKeyFromBody(credentials, client_id, client_secret), client_id, client_secret },
  };
};

function readMembers({ parameters, document }: WireRequest) {
  const asked =
    document === undefined
      ? readParameters(IN_FORM, parameters)
      : readParameters(IN_JSON, new Map(Object.entries(anObject(document))));
  // An empty member counts as absent, as in a form.
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== "")) as typeof asked;
}

/** People and things bring a username, an application or its administrator a client_id; with both it has to be said. */
function impliedGrant(username: string | undefined, client_id: string | undefined): string | undefined {
  if ((username === undefined) === (client_id === undefined)) return undefined;
  return username === undefined ? "client_credentials" : "password";
}

/** The Java SDK has a spelling of its own for it. */
function theSame(expiresAt: string | undefined, expires_at: string | undefined): string | undefined {
  if (expiresAt !== undefined && expires_at !== undefined && expiresAt !== expires_at) {
    throw new Refusal("parameter_repeated", { slots: { name: "expiresAt" } });
  }
  return expiresAt ?? expires_at;
}

/** Whoever asks for an anonymous token may bring the application's key as its client_secret. */
function withKeyFromBody(
  { basic, ...others }: PresentedCredentials,
  client_id: string | undefined,
  client_secret = "",
): PresentedCredentials {
  const isKey = basic?.client_secret === "" && basic.client_id === client_id;
  return { ...others, basic: isKey ? { ...basic, client_secret } : basic };
}

const registration = z.strictObject({
  loginName: member,
  password: member,
  emailAddress: member,
  phoneNumber: member,
  displayName: member,
  locale: member,
  country: member,
});

/** What each member of a registration is called elsewhere. */
const CLAIMS: Readonly<Record<keyof z.infer<typeof registration>, string>> = {
  loginName: "preferred_username",
  password: "password",
  emailAddress: "email",
  phoneNumber: "phone_number",
  displayName: "name",
  locale: "locale",
  country: "country",
};

/** The same the other way round, and what a token request calls otherwise: a refusal names what was sent. */
export const MEMBERS: NonNullable<RequestSpelling["members"]> = {
  ...Object.fromEntries(Object.entries(CLAIMS).map(([member, claim]) => [claim, member])),
  expires_at: "expiresAt",
};

/** The registration of a user; a member that is not listed is refused, not kept. */
export const readRegistration: Reader = (wire) => {
  const members = readParameters(registration, new Map(Object.entries(anObject(wire.document ?? {}))));
  const named = Object.entries(members) as [keyof typeof CLAIMS, string][];
  return { ...readApp(wire), parameters: new Map(named.map(([name, value]) => [CLAIMS[name], value])) };
};

function anObject(document: object): object {
  if (Array.isArray(document)) throw new Refusal("json_malformed", { reason: "an array" });
  return document;
}

/**
 * Whom a username names: a thing of the application, or a person by login name, email or phone number, the latter two
 * with their prefix or without. A prefix before something else is part of a name that nobody has.
 */
export const readUsername: NonNullable<RequestSpelling["readUsername"]> = (username, app_id) => {
  const [, prefix, rest = ""] = /^(VENDOR_THING_ID|EMAIL|PHONE):(.*)$/s.exec(username) ?? [];
  if (prefix === "VENDOR_THING_ID") return { thing: rest, app_id };
  if (prefix === "EMAIL" && rest.includes("@")) return { person: rest };
  if (prefix === "PHONE") return phoneOf(rest);
  return { person: username };
};

/** A number with its country's prefix, or as it is dialled in a country (`JP-9012345678`, ISO 3166-1). */
function phoneOf(written: string): { readonly phone: string; readonly country: string | undefined } {
  const [, country, local = written] = /^([A-Z]{2})-(.+)$/s.exec(written) ?? [];
  return { phone: local, country };
}
