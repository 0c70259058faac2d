import type { MasterKey } from "../keys/master-key.js";
import { webUriProblem } from "./registered-uri.js";

/**
 * How a client knows its users (OpenID Connect Core section 8): by their own `sub`, or pairwise by a `sub` that only the
 * clients of one sector have in common (docs/decisions/0028).
 */

export const SUBJECT_TYPES = ["public", "pairwise"] as const;

/** The settings from which the sector of a client follows. */
interface Sectored {
  readonly subject_type: string;
  readonly sector_identifier_uri: string | null;
  readonly redirect_uris: readonly string[];
}

/** The `sub` by which a client knows a user. It depends on neither the issuer's name nor the signing keys. */
export function subjectFor(master: MasterKey, client: Sectored, sub: string): string {
  return client.subject_type === "pairwise" ? nameInSector(master, client, `sub\n${sub}`) : sub;
}

/** The `sid` by which a client knows a browser session. The same one for all clients would tell that their user is the same. */
export function sessionFor(master: MasterKey, client: Sectored, sid: string): string {
  return client.subject_type === "pairwise" ? nameInSector(master, client, `sid\n${sid}`) : sid;
}

/** No client has the key, so none can compute the name of a user whose `sub` it guesses. */
function nameInSector(master: MasterKey, client: Sectored, text: string): string {
  return master.mac("pairwise-subject", `${sectorOf(client)}\n${text}`).toString("base64url");
}

/** The sector identifier (section 8.1): a host. The registration has made sure that there is one. */
function sectorOf({ sector_identifier_uri, redirect_uris }: Sectored): string {
  return new URL(sector_identifier_uri ?? redirect_uris[0]!).hostname;
}

/** Settings with a default that pairwise subjects replace. */
export const REPLACED_BY_SUBJECT_TYPE: readonly string[] = ["access_token_format", "dialects"];

/**
 * A client as the server treats it. A JWT as access token would show the client the user's own `sub`, and so would the
 * responses of other dialects.
 */
export function withSubjectType<
  C extends { readonly subject_type: string; readonly access_token_format: string; readonly dialects: string[] },
>(client: C): C {
  if (client.subject_type !== "pairwise") return client;
  return { ...client, access_token_format: "opaque", dialects: ["oauth2"] };
}

/** Scopes of UMA, whose interfaces name users by their own `sub`. */
const SCOPES_OF_PUBLIC_SUBJECTS: readonly string[] = ["uma_protection", "uma_claims"];

/** Grants whose tokens are for another party, which knows the user by their own `sub`. */
const GRANTS_OF_PUBLIC_SUBJECTS: readonly string[] = [
  "urn:ietf:params:oauth:grant-type:uma-ticket",
  "uma_ticket",
  "urn:ietf:params:oauth:grant-type:token-exchange",
];

/** Settings as a file, a command or a client gives them. The type of each has been checked. An absent one has its default. */
type GivenSettings = Readonly<Record<string, unknown>>;

interface Rule {
  readonly name: string;
  /** Completes "must …". */
  readonly must: string;
  readonly holds: (given: GivenSettings) => boolean;
}

const RULES: readonly Rule[] = [
  {
    name: "sector_identifier_uri",
    must: "be given, unless all redirect URIs have one host, which is no loopback address,",
    holds: (given) => given.sector_identifier_uri !== undefined || haveOneHost(list(given.redirect_uris)),
  },
  {
    name: "access_token_format",
    must: "be opaque",
    holds: ({ access_token_format = "opaque" }) => access_token_format === "opaque",
  },
  {
    name: "grant_types",
    must: "have neither token exchange nor UMA",
    holds: ({ grant_types }) => !list(grant_types).some((type) => GRANTS_OF_PUBLIC_SUBJECTS.includes(type)),
  },
  {
    name: "scope",
    must: `have none of ${SCOPES_OF_PUBLIC_SUBJECTS.join(", ")}`,
    holds: ({ scope = "" }) =>
      !String(scope)
        .split(" ")
        .some((name) => SCOPES_OF_PUBLIC_SUBJECTS.includes(name)),
  },
  { name: "audiences", must: "be empty", holds: ({ audiences }) => list(audiences).length === 0 },
  {
    name: "dialects",
    must: "have oauth2",
    holds: ({ dialects = ["oauth2"] }) => list(dialects).includes("oauth2"),
  },
];

function list(value: unknown): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** The hosts of redirect URIs that belong to no party: those of apps, and loopback addresses. */
const NO_SECTOR = ["", "localhost", "127.0.0.1", "[::1]"] as const;

/** Whether these are pages of one host. A loopback address is the same for the apps of all parties. */
function haveOneHost(uris: readonly string[]): boolean {
  const hosts = new Set(uris.map((uri) => (webUriProblem(uri) === undefined ? new URL(uri).hostname : "")));
  return hosts.size === 1 && !NO_SECTOR.some((host) => hosts.has(host));
}

/** The first setting that pairwise subjects exclude; undefined if there is none, or if the subjects are public. */
export function subjectFlaw(given: GivenSettings): { readonly name: string; readonly message: string } | undefined {
  if (given.subject_type !== "pairwise") return undefined;
  const broken = RULES.find(({ holds }) => !holds(given));
  return broken && { name: broken.name, message: `must ${broken.must} with pairwise subjects` };
}
