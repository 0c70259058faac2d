import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { findApp, findAppOf, type App } from "../store/apps.js";
import type { OperationRequest } from "./operations.js";

/**
 * The application a request is from. Its id and key are verified like any client's id and secret; a client that is no
 * application has none.
 * @throws Refusal client_unknown, client_secret_basic_wrong
 */
export async function authenticateApp(core: Core, request: OperationRequest): Promise<App> {
  const { basic } = request.credentials;
  const { client_id } = await core.authentication.authenticate({ ...request, credentials: { basic } });
  return requireApp(core, client_id);
}

/** @throws Refusal client_unknown where there is no application of that id */
export async function requireApp({ db }: Core, app_id: string): Promise<App> {
  const app = await findApp(db, app_id);
  if (app === undefined) throw new Refusal("client_unknown", { reason: `${app_id} is no app` });
  return app;
}

/** @throws Refusal client_unknown where that client is no application, nor the administrator of one */
export async function requireAppOf({ db }: Core, client_id: string): Promise<App> {
  const app = await findAppOf(db, client_id);
  if (app === undefined) throw new Refusal("client_unknown", { reason: `${client_id} is of no app` });
  return app;
}
