import type { LongSection, RowKey, StoredRows } from "../store/configuration.js";
import type { DeclaredScope } from "../store/scopes.js";
import type { TrustedIssuer } from "../store/trusted-issuers.js";
import { SECTIONS, type ProvisioningFile, type Section } from "./schema.js";
import { identityOf } from "./write.js";

/** Entries of a provisioning file as the store has them: without secrets, and without the keys that have their default. */

/** The stored form of each section. */
type Stored = StoredRows & { readonly scopes: DeclaredScope; readonly issuers: TrustedIssuer };

/** An entry in the form of the file. */
export type PlainEntry = Readonly<Record<string, unknown>>;

const WRITTEN: { readonly [S in Section]: (row: Stored[S]) => PlainEntry } = {
  scopes: (row) => ({ ...row }),
  clients: ({ scope, ...row }) => ({ ...row, scope: scope.join(" ") }),
  issuers: (row) => ({ ...row }),
  users: ({ claims, ...row }) => ({ ...claims, ...row }),
  devices: ({ client_id, jwks, scope, psk_identity, ...row }) => ({
    device_id: client_id,
    jwk: (jwks as { readonly keys: readonly unknown[] } | null)?.keys[0],
    scope: scope.join(" "),
    psk_identity: psk_identity === null ? null : Buffer.from(psk_identity).toString("utf8"),
    ...row,
  }),
  apps: ({ grant_types, ...row }) => ({ ...row, refresh_tokens: grant_types.includes("refresh_token") }),
  things: (row) => ({ ...row }),
};

/** A stored row as an entry. */
export function storedEntry<S extends Section>(section: S, row: Stored[S]): PlainEntry {
  return withoutDefaults(section, WRITTEN[section](row));
}

/** Keys with secrets. They are never shown. */
export const SECRET_KEYS: ReadonlySet<string> = new Set([
  ...["client_secret", "client_secrets", "client_secret_hash", "password", "password_hash", "psk", "app_key"],
]);

/** A checked entry of a file in the form of a stored one, so that the two can be compared. */
export function comparableEntry<S extends Section>(section: S, value: ProvisioningFile[S][number]): PlainEntry {
  const entry = value as PlainEntry;
  const scope = Array.isArray(entry.scope) ? { scope: entry.scope.join(" ") } : {};
  const psk = section === "devices" ? { psk_identity: identityOf(value as ProvisioningFile["devices"][number]) } : {};
  return withoutDefaults(section, { ...entry, ...scope, ...psk });
}

/** The default of each key, as the schema fills it in; sets of texts are compared without their order. */
function withoutDefaults(section: Section, entry: PlainEntry): PlainEntry {
  const defaults = defaultsOf(section);
  const isFree = section === "users";
  const shown = Object.entries(entry).filter(
    ([name, value]) =>
      value !== null &&
      value !== undefined &&
      !SECRET_KEYS.has(name) &&
      (isFree || Object.hasOwn(SECTIONS[section].entry.shape, name)) &&
      !isSame(value, defaults[name]),
  );
  return Object.fromEntries(shown);
}

const DEFAULTS = new Map<Section, PlainEntry>();

function defaultsOf(section: Section): PlainEntry {
  const known = DEFAULTS.get(section);
  if (known !== undefined) return known;
  const shape: Readonly<Record<string, { safeParse(value: unknown): { success: boolean; data?: unknown } }>> =
    SECTIONS[section].entry.shape;
  const found = Object.entries(shape).flatMap(([name, schema]) => {
    const { success, data } = schema.safeParse(undefined);
    return success && data !== undefined ? [[name, name === "scope" ? "" : data] as const] : [];
  });
  const defaults = Object.fromEntries(found);
  DEFAULTS.set(section, defaults);
  return defaults;
}

/** Whether two JSON values are the same, whatever the order of the members of objects. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(memberOf(one, name), memberOf(other, name)))
  );
}

function memberOf(object: object, name: string): unknown {
  return (object as Readonly<Record<string, unknown>>)[name];
}

/** The key of a checked entry in the store. */
export function rowKeyOf<S extends LongSection>(section: S, value: ProvisioningFile[S][number]): RowKey {
  const entry = value as Readonly<Record<string, string>>;
  return KEYS[section].map((name) => entry[name]!);
}

const KEYS: Readonly<Record<LongSection, readonly string[]>> = {
  clients: ["client_id"],
  users: ["sub"],
  devices: ["device_id"],
  apps: ["app_id"],
  things: ["app_id", "vendor_thing_id"],
};

/** The key of a stored row. */
export function keyOfRow<S extends LongSection>(section: S, row: StoredRows[S]): RowKey {
  const names = section === "devices" ? ["client_id"] : KEYS[section];
  return names.map((name) => (row as unknown as Readonly<Record<string, string>>)[name]!);
}
