import type { Core } from "../core.js";
import { grantLineage, type GrantLineage } from "../store/grant-lineage.js";
import { tokenFacts } from "../store/token-facts.js";
import { lookUpDeviceCode } from "../store/token-lookups.js";
import { readAuthorizationCode } from "../tokens/authorization-code.js";
import { readDeviceCode } from "../tokens/device-code.js";
import { readRefreshToken } from "../tokens/refresh-token.js";
import type { TokenReader } from "./token-kind.js";
import type { Reason } from "./token-reasons.js";

/** Tokens in hand that name a grant. */

export const refreshToken: TokenReader = async (core, text) => {
  const name = readRefreshToken(core.master, text);
  if (name === undefined) return undefined;
  const { grant_id, generation, cnf } = name;
  const shared = { kind: "refresh_token", grant_id, generation, cnf } as const;
  const grant = await grantLineage(core.db, grant_id, core.clock.statement());
  if (grant === undefined) return { ...shared, reasons: ["grant_deleted"] };
  const isCurrent = generation === grant.generation;
  const reasons = [...(isCurrent ? [] : (["superseded"] as const)), ...(await reasonsOf(core, grant))];
  return { ...shared, ...about(grant), reasons, grant_generation: grant.generation, expires_at: grant.expires_at };
};

export const authorizationCode: TokenReader = async (core, text) => {
  const name = readAuthorizationCode(core.master, text);
  if (name === undefined) return undefined;
  const { grant_id, jkt } = name;
  const shared = { kind: "authorization_code", grant_id, cnf: jkt === undefined ? undefined : { jkt } } as const;
  const grant = await grantLineage(core.db, grant_id, core.clock.statement());
  if (grant === undefined) return { ...shared, reasons: ["grant_deleted"] };
  const used = grant.code_uses > 0 ? (["used"] as const) : [];
  const reasons = [...used, ...(await reasonsOf(core, grant))];
  return { ...shared, ...about(grant), reasons, expires_at: grant.code_expires_at ?? undefined };
};

export const deviceCode: TokenReader = async (core, text) => {
  const id = readDeviceCode(core.master, text);
  if (id === undefined) return undefined;
  const row = await lookUpDeviceCode(core.db, id, core.clock.statement());
  if (row === undefined) return { kind: "device_code", reasons: ["unknown"] };
  const { client_id, scope, expires_at, answer, grant_id, is_expired } = row;
  const grant = grant_id === null ? undefined : await grantLineage(core.db, grant_id, core.clock.statement());
  const reasons: Reason[] = [
    ...(is_expired ? (["expired"] as const) : []),
    ...(answer === "denied" || (grant !== undefined && grant.code_uses > 0) ? (["used"] as const) : []),
    ...(grant_id !== null && grant === undefined ? (["grant_deleted"] as const) : []),
    ...(grant === undefined ? [] : (await reasonsOf(core, grant)).filter((reason) => reason !== "expired")),
  ];
  const owner = grant === undefined ? { client_id, scope: scope.join(" ") } : about(grant);
  return { kind: "device_code", reasons, grant_id: grant_id ?? undefined, ...owner, expires_at };
};

function about({ client_id, sub, preferred_username, scope, sid, created_at, because }: GrantLineage) {
  return {
    ...{ client_id, sub, username: preferred_username, scope: scope.join(" ") },
    sid: sid ?? undefined,
    issued_at: created_at,
    ended_because: because ?? undefined,
  };
}

/** What the state of its grant says against a token. */
async function reasonsOf({ db, clock }: Core, grant: GrantLineage): Promise<readonly Reason[]> {
  const { state, because, client_id, sub } = grant;
  if (state === "expired") return ["expired"];
  if (state === "ended") return [because === null || !isRaisedEpoch(because) ? "grant_ended" : because];
  if (state === "in_force") return [];
  const { client, user } = await tokenFacts(db, { client_id, sub }, clock.statement());
  return [
    ...(client?.disabled === true ? (["client_disabled"] as const) : []),
    ...(user?.disabled === true ? (["user_disabled"] as const) : []),
  ];
}

const RAISED_EPOCHS = ["everything_revoked", "everything_of_user_revoked", "everything_of_client_revoked"] as const;

function isRaisedEpoch(because: string): because is (typeof RAISED_EPOCHS)[number] {
  return RAISED_EPOCHS.some((one) => one === because);
}
