import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { lookAtPerson, lookAtToken } from "../store/access-tokens.js";
import { isThing, type App } from "../store/apps.js";
import type { Person } from "../store/users.js";
import { statusQuestion } from "../tokens/access-token.js";
import { requireApp } from "./app.js";
import type { OperationRequest } from "./operations.js";
import { NOT_IN_FORCE, readShownToken } from "./shown-token.js";

/** The party whose access token a request to an application has (Kii Cloud). */
type AppCaller =
  | { readonly kind: "user"; readonly app_id: string; readonly person: Person }
  | { readonly kind: "thing"; readonly app_id: string; readonly person: Person }
  | { readonly kind: "administrator"; readonly app_id: string; readonly app: App };

/**
 * Identifies the caller by its access token: a user or a thing of the application, or the application's administrator.
 * @throws Refusal access_token_missing, token_not_valid, access_token_not_a_persons
 */
export async function identifyCaller(request: OperationRequest, core: Core): Promise<AppCaller> {
  const { basic, bearer } = request.credentials;
  if (bearer === undefined) throw new Refusal("access_token_missing");
  const { claims } = await readShownToken(core, bearer, request, "token_not_valid");
  const app_id = basic?.client_id ?? "";
  const now = core.clock.statement();
  if (claims.client_id !== app_id) {
    const app = await requireApp(core, app_id);
    if (claims.client_id !== app.client_id || claims.user_epoch !== undefined) {
      throw new Refusal("token_not_valid", { reason: "issued to another app" });
    }
    if ((await lookAtToken(core.db, statusQuestion(claims), now)) === undefined) throw notInForce();
    return { kind: "administrator", app_id, app };
  }
  if (claims.user_epoch === undefined) throw new Refusal("access_token_not_a_persons");
  const found = await lookAtPerson(core.db, statusQuestion(claims), now);
  if (found === undefined) throw notInForce();
  const { person } = found;
  request.facts.sub = person.sub;
  return { kind: (await isThing(core.db, person.sub)) ? "thing" : "user", app_id, person };
}

function notInForce(): Refusal {
  return new Refusal("token_not_valid", { reason: NOT_IN_FORCE });
}
