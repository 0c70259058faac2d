/** Everything that a decision depends on. Times are milliseconds since the epoch. */
export interface Facts {
  readonly now: number;
  readonly asker: Asker;
  /** The issuer of this server, whose ID tokens identify people. */
  readonly issuer: string;
  /** Its earlier issuers, which older rules may name. */
  readonly previousIssuers?: readonly string[];
  readonly asked: readonly AskedPermission[];
  /** The requested resources that exist. */
  readonly resources: readonly ResourceFacts[];
  /** The policies of these resources, each once, as they are stored. */
  readonly policies: readonly { readonly id: string; readonly rules: unknown }[];
}

/** The requesting party: a client, and the person it acts for if that person is known. */
export interface Asker {
  readonly client_id: string;
  readonly person?:
    | {
        readonly sub: string;
        readonly roles: readonly string[];
        readonly claims: Readonly<Record<string, unknown>>;
      }
    | undefined;
}

export interface AskedPermission {
  readonly resource_id: string;
  readonly resource_scopes: readonly string[];
}

export interface ResourceFacts {
  readonly resource_id: string;
  readonly owner: string | null;
  readonly scopes: readonly string[];
  /** Whether its resource server and its owner are enabled. */
  readonly available: boolean;
  /** The ids of the policies that apply to it. */
  readonly policies: readonly string[];
  readonly approvals: readonly Approval[];
}

/** The owner's answer to one requesting party about one scope. */
interface Approval {
  readonly party: string;
  readonly scope: string;
  readonly state: "pending" | "approved" | "denied";
  /** The expiry, as ISO 8601; null for none. */
  readonly expires_at: string | null;
}

/** The party that an owner approves: the person, or the client if it acts for itself. */
export function partyOf({ client_id, person }: Asker): string {
  return person?.sub ?? client_id;
}
