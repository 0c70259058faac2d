import type { FastifyPluginAsync } from "fastify";
import { z } from "zod";
import { MAX_PASSWORD_LENGTH } from "../accounts/passwords.js";
import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { optional, readParameters, required } from "../http/parameters.js";
import { findShownThing, registerThing as addThing, type ShownThing } from "../store/apps.js";
import { authenticateApp } from "./app.js";
import { identifyCaller } from "./app-caller.js";
import { issueAppToken, type AppToken } from "./app-token.js";
import type { OperationRequest } from "./operations.js";

declare module "./operations.js" {
  interface Operations {
    appThing: ShownThing;
    registerThing: { readonly thing: ShownThing; readonly token: AppToken };
  }
}

/** The endpoints of applications (Kii Cloud) that describe a thing and register one. */
export const appThingEndpoints: FastifyPluginAsync = async (app) => {
  app.operations.offer("appThing", { guard: null, run: showThing });
  app.operations.offer("registerThing", { guard: null, run: registerThing });
};

const registration = z.object({
  vendor_thing_id: required("vendor_thing_id_missing").max(200),
  password: required("password_missing").max(MAX_PASSWORD_LENGTH),
  fields: optional,
});

/** Registers a thing, if the application allows it, and issues its access token. */
async function registerThing(request: OperationRequest, core: Core) {
  const { parameters, spelling, network, facts } = request;
  const asked = readParameters(registration, parameters, spelling.members);
  const app = await authenticateApp(core, request);
  if (!app.thing_registration) throw new Refusal("thing_registration_not_allowed");
  await core.rateLimits.consumeOrThrow({ on: "registrations of a network", id: network });
  const { app_id } = app;
  const thing = {
    app_id,
    sub: `th.${core.random(16).toString("hex")}`,
    vendor_thing_id: asked.vendor_thing_id,
    password_hash: await core.passwords.hashQueued(network, asked.password, core.caller),
  };
  const claims = { app_fields: { [app_id]: JSON.parse(asked.fields ?? "{}") as object } };
  if (!(await addThing(core.db, thing, claims))) throw new Refusal("thing_exists");
  facts.sub = thing.sub;
  const shown = await findShownThing(core.db, app_id, thing.sub, false);
  if (shown === undefined) throw new Refusal("thing_unknown");
  return { thing: shown, token: await issueAppToken(app, thing.sub, request, core) };
}

/** A thing, for itself and for the administrator of its application. */
async function showThing(request: OperationRequest, core: Core): Promise<ShownThing> {
  const caller = await identifyCaller(request, core);
  const [, vendors, id = ""] = /^(VENDOR_THING_ID:)?(.*)$/s.exec(request.path.thingID ?? "") ?? [];
  const thing = await findShownThing(core.db, caller.app_id, id, vendors !== undefined);
  const isOwn = caller.kind === "thing" && thing?.sub === caller.person.sub;
  if (caller.kind !== "administrator" && !isOwn) throw new Refusal("thing_foreign");
  if (thing === undefined) throw new Refusal("thing_unknown");
  return thing;
}
