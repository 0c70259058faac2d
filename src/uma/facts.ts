/** Everything a decision rests on, and nothing else. Times are milliseconds since the epoch. */
export interface Facts {
  readonly now: number;
  readonly asker: Asker;
  /** Who decides: the issuer of the ID tokens that are believed. */
  readonly issuer: string;
  /** What it was called before: a rule may have been written then. */
  readonly previousIssuers?: readonly string[];
  readonly asked: readonly AskedPermission[];
  /** The resources that are there; one that is gone is not among them. */
  readonly resources: readonly ResourceFacts[];
  /** The policies of all of them, each once, as they stand in the store. */
  readonly policies: readonly { readonly id: string; readonly rules: unknown }[];
}

/** Who asks: a client, for a person where one is known. */
interface Asker {
  readonly client_id: string;
  readonly person?: {
    readonly sub: string;
    readonly roles: readonly string[];
    readonly claims: Readonly<Record<string, unknown>>;
  };
}

export interface AskedPermission {
  readonly resource_id: string;
  readonly resource_scopes: readonly string[];
}

export interface ResourceFacts {
  readonly resource_id: string;
  readonly owner: string | null;
  readonly scopes: readonly string[];
  /** Whether its resource server and its owner are not switched off. */
  readonly available: boolean;
  /** The ids of the policies that speak of it. */
  readonly policies: readonly string[];
  readonly approvals: readonly Approval[];
}

/** What the owner said to an asker about a scope. */
interface Approval {
  readonly party: string;
  readonly scope: string;
  readonly state: "pending" | "approved" | "denied";
  /** When it stops counting, as ISO 8601; null where it does not. */
  readonly expires_at: string | null;
}

/** Whom an owner is asked about: the person, or a client that asks for itself. */
export function partyOf({ client_id, person }: Asker): string {
  return person?.sub ?? client_id;
}
