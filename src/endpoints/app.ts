import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { findApp, findAppOf, type App } from "../store/apps.js";
import type { OperationRequest } from "./operations.js";

/**
 * Authenticates an application. Its id and key are verified like the id and secret of any client. A client that is not an
 * application is refused.
 * @throws Refusal client_unknown, client_secret_basic_wrong
 */
export async function authenticateApp(core: Core, request: OperationRequest): Promise<App> {
  const { basic } = request.credentials;
  const { client_id } = await core.authentication.authenticate({ ...request, credentials: { basic } });
  return requireApp(core, client_id);
}

/** @throws Refusal client_unknown if no application has that id */
export async function requireApp({ db }: Core, app_id: string): Promise<App> {
  const app = await findApp(db, app_id);
  if (app === undefined) throw new Refusal("client_unknown", { reason: `${app_id} is no app` });
  return app;
}

/** @throws Refusal client_unknown if the client is neither an application nor the administrator of one */
export async function requireAppOf({ db }: Core, client_id: string): Promise<App> {
  const app = await findAppOf(db, client_id);
  if (app === undefined) throw new Refusal("client_unknown", { reason: `${client_id} is of no app` });
  return app;
}
