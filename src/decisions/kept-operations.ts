import type { OperationName } from "../endpoints/operations.js";
import type { AuditFacts } from "../http/decision.js";

/**
 * Operations whose granted requests are kept: those that give or end access. Resource servers introspect tokens far more often than
 * tokens are issued, and such a request decides nothing new. So only refusals of the other operations are kept.
 */
const KEPT: Readonly<Partial<Record<OperationName, true>>> = {
  token: true,
  appToken: true,
  renewToken: true,
  pushAuthorization: true,
  deviceAuthorization: true,
  deviceKey: true,
  revoke: true,
};

/** Whether a decision is kept. A request to no operation is none: anybody can send any number of them. */
export function isKept({ operation, refusal, uma, grant_id, scope_granted }: AuditFacts): boolean {
  if (operation === undefined) return false;
  if (refusal !== undefined || uma !== undefined) return true;
  // A page of an authorization decides something when it gives a code.
  return Object.hasOwn(KEPT, operation) || (grant_id !== undefined && scope_granted !== undefined);
}
