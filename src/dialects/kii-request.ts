import { z } from "zod";
import { readBearer, readRawBasic, type PresentedCredentials } from "../clients/presented.js";
import { Refusal } from "../errors/refusal.js";
import type { RequestSpelling } from "../grants/spelling.js";
import { readParameters } from "../http/parameters.js";
import type { Reader, WireRequest } from "./dialect.js";

/** Reads the requests of Kii Cloud's clients into the standard's names (docs/dialects.md). */

/** Reads the app id and key from the path, two headers, or Basic. Two places must have the same value. */
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

/** @throws Refusal app_ambiguous for two different values */
function theOne(places: readonly (string | undefined)[], name: string): string | undefined {
  const [found, another] = new Set(places.filter((one) => one !== undefined));
  if (another !== undefined) throw new Refusal("app_ambiguous", { slots: { name } });
  return found;
}

function text(header: string | readonly string[] | undefined): string | undefined {
  return header ? String(header) : undefined;
}

const member = z.string().optional();

/** @param time the schema of a time: a number in JSON, digits in a form */
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

/** Reads a token request. Without a grant_type its other members imply one. */
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

/** A username implies password, a client_id implies client_credentials. With both, grant_type is required. */
function impliedGrant(username: string | undefined, client_id: string | undefined): string | undefined {
  if ((username === undefined) === (client_id === undefined)) return undefined;
  return username === undefined ? "client_credentials" : "password";
}

/** The Java SDK sends expires_at, the others expiresAt. */
function theSame(expiresAt: string | undefined, expires_at: string | undefined): string | undefined {
  if (expiresAt !== undefined && expires_at !== undefined && expiresAt !== expires_at) {
    throw new Refusal("parameter_repeated", { slots: { name: "expiresAt" } });
  }
  return expiresAt ?? expires_at;
}

/** A request for an anonymous token may have the application's key as client_secret. */
function withKeyFromBody(
  { basic, ...others }: PresentedCredentials,
  client_id: string | undefined,
  client_secret = "",
): PresentedCredentials {
  const isKey = basic?.client_secret === "" && basic.client_id === client_id;
  return { ...others, basic: isKey ? { ...basic, client_secret } : basic };
}

/** The claim or parameter that each member of a user or a thing becomes. */
const CLAIMS = {
  loginName: "preferred_username",
  password: "password",
  emailAddress: "email",
  phoneNumber: "phone_number",
  displayName: "name",
  locale: "locale",
  country: "country",
} as const;

const THING_MEMBERS = { _vendorThingID: "vendor_thing_id", _password: "password" } as const;
const PASSWORDS = { oldPassword: "old_password", newPassword: "password" } as const;
const CODE = { verificationCode: "code" } as const;

/** The members by claim, and by parameter of a token request: a refusal names the member that was sent. */
export const MEMBERS: NonNullable<RequestSpelling["members"]> = {
  ...Object.fromEntries(Object.entries(CLAIMS).map(([member, claim]) => [claim, member])),
  expires_at: "expiresAt",
  fields: "body",
};

/** Members that only the server sets. They are no names of fields, and neither is a name that begins with `_`. */
const RESERVED: ReadonlySet<string> = new Set([
  ...[
    "userID",
    "internalUserID",
    "sub",
    "roles",
    "role",
    "disabled",
    "claims",
    "token_epoch",
    "createdAt",
    "modifiedAt",
  ],
  ...[
    "email_verified",
    "emailAddressVerified",
    "phone_number_verified",
    "phoneNumberVerified",
    "thingID",
    "app_fields",
  ],
]);

/** Longest name of a field, in characters. */
const MAX_NAME = 64;

/** Reads the members of a table as parameters; all others are fields of the application, as one JSON text. */
function withFields(table: Readonly<Record<string, string>>, sent: object): Map<string, string> {
  const entries = Object.entries(sent);
  const parameters = new Map<string, string>();
  for (const [name, value] of entries.filter(([name]) => Object.hasOwn(table, name))) {
    if (typeof value !== "string") throw new Refusal("parameter_malformed", { slots: { name } });
    parameters.set(table[name]!, value);
  }
  const fields = entries.filter(([name]) => !Object.hasOwn(table, name));
  const wrong = fields.find(([name]) => RESERVED.has(name) || /^_|^$/.test(name) || name.length > MAX_NAME);
  if (wrong !== undefined) throw new Refusal("parameter_malformed", { slots: { name: wrong[0] } });
  if (fields.length > 0) parameters.set("fields", JSON.stringify(Object.fromEntries(fields)));
  return parameters;
}

/** A reader of a JSON body whose members are those of a table. @param more further parameters of the request */
function reader(
  table: Readonly<Record<string, string>>,
  more: (wire: WireRequest) => Readonly<Record<string, string>> = () => ({}),
): Reader {
  return (wire) => {
    const parameters = withFields(table, anObject(wire.document ?? {}));
    for (const [name, value] of Object.entries(more(wire))) parameters.set(name, value);
    return { ...readApp(wire), parameters };
  };
}

/** The JavaScript SDK sends back what it got from the server, such as `_accessToken`. Those members are ignored. */
function withoutOurs(read: Reader): Reader {
  return (wire) => {
    const sent = Object.entries(anObject(wire.document ?? {})).filter(([name]) => !name.startsWith("_"));
    return read({ ...wire, document: Object.fromEntries(sent) });
  };
}

/** A registration that also asks for a token has a media type of its own. */
const WITH_TOKEN = /^application\/vnd\.kii\.RegistrationAndAuthorizationRequest\+json\b/i;

export const readRegistration = reader(CLAIMS, ({ headers }) =>
  WITH_TOKEN.test(text(headers["content-type"]) ?? "") ? { wants_token: "true" } : {},
);
/** A POST has all fields of the application, a PATCH those that change. */
export const readUpdate = withoutOurs(reader(CLAIMS, () => ({ replaces: "true" })));
export const readPatch = withoutOurs(reader(CLAIMS));
export const readPasswords = reader(PASSWORDS);
export const readCode = reader(CODE);
export const readThing = reader(THING_MEMBERS);

function anObject(document: object): object {
  if (Array.isArray(document)) throw new Refusal("json_malformed", { reason: "an array" });
  return document;
}

/**
 * Reads a username: a thing of the application, or a person by login name, email address or phone number. The prefix of an
 * email address or a phone number is optional. A prefix before any other text is part of a login name, which no person has.
 */
export const readUsername: NonNullable<RequestSpelling["readUsername"]> = (username, app_id) => {
  const [, prefix, rest = ""] = /^(VENDOR_THING_ID|EMAIL|PHONE):(.*)$/s.exec(username) ?? [];
  if (prefix === "VENDOR_THING_ID") return { thing: rest, app_id };
  if (prefix === "EMAIL" && rest.includes("@")) return { person: rest };
  if (prefix === "PHONE") return phoneOf(rest);
  return { person: username };
};

/** An international number, or a national one after its country (`JP-9012345678`, ISO 3166-1). */
function phoneOf(written: string): { readonly phone: string; readonly country: string | undefined } {
  const [, country, local = written] = /^([A-Z]{2})-(.+)$/s.exec(written) ?? [];
  return { phone: local, country };
}
