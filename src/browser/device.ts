import type { Core } from "../core.js";
import { Refusal } from "../errors/refusal.js";
import { withoutRepetition } from "../http/form.js";
import { findDeviceCode } from "../store/device-codes.js";
import { readUserCode, userCodeHash } from "../tokens/device-code.js";
import type { DeviceRequest } from "./authorize/answer-device.js";
import { DEVICE_PATH, HOME_PATH } from "./paths.js";
import type { Step } from "./step.js";

/** The page on which a user types the code that a device shows (RFC 8628 section 3.3). */

declare module "./view.js" {
  interface Views {
    device: FormView & {
      /** The first value of the field: the code of a complete link, or the last one that was typed. */
      readonly userCode: string | undefined;
      /** Whether that code was not found. */
      readonly failed: boolean;
    };
  }
}

/** A code is shown up to this many characters. */
const MAX_SHOWN = 32;

/** Shows the form. A complete link fills the code in, and nothing is looked up before the user has compared it. */
export const showDevice: Step = async ({ sessions }, { form, visit }) => {
  withoutRepetition(form);
  const browser = visit.browser ?? sessions.newBrowser();
  const typed = form.parameters.get("user_code")?.slice(0, MAX_SHOWN);
  return {
    kind: "show",
    view: {
      page: "device",
      action: DEVICE_PATH,
      csrf: sessions.formToken(browser, DEVICE_PATH),
      leadsTo: [],
      uiLocales: form.parameters.get("ui_locales"),
      userCode: typed === undefined ? undefined : (readUserCode(typed) ?? typed),
      failed: form.parameters.has("failed"),
    },
    cookies: visit.browser === undefined ? { browser } : undefined,
  };
};

/** Begins the authorization of a device whose code was typed. */
export const enterDevice: Step = async ({ core, sessions, authorization }, { form, visit, facts }) => {
  withoutRepetition(form);
  const { browser } = visit;
  const csrf = form.parameters.get("csrf") ?? "";
  if (browser === undefined || !sessions.checkFormToken(browser, DEVICE_PATH, csrf)) {
    throw new Refusal("form_foreign", { again: DEVICE_PATH });
  }
  if (form.parameters.get("action") === "cancel") return { kind: "go", path: HOME_PATH };
  const typed = form.parameters.get("user_code") ?? "";
  const request = await findRequest(core, typed, visit.network); // tries_exhausted
  if (request === undefined) {
    const query = new URLSearchParams({ user_code: typed.slice(0, MAX_SHOWN), failed: "1" });
    return { kind: "go", path: `${DEVICE_PATH}?${query}` };
  }
  facts.client_id = request.client_id;
  return authorization.open({ kind: "device", request, again: DEVICE_PATH }, visit);
};

/** The request behind a code. Each code that is not found counts against guessing, for the network and for all together. */
async function findRequest(core: Core, typed: string, network: string): Promise<DeviceRequest | undefined> {
  const { db, master, clock, rateLimits, registry } = core;
  const code = readUserCode(typed);
  if (code === undefined) return undefined;
  const counters = [{ on: "user codes of a network", id: network } as const, { on: "user codes", id: "" } as const];
  for (const counter of counters) await rateLimits.consumeOrThrow(counter);
  const found = await findDeviceCode(db, userCodeHash(master, code), clock.statement());
  if (found === undefined) return undefined;
  for (const counter of counters) await rateLimits.refund(counter);
  const client = await registry.find(found.client_id);
  if (client === null || client.disabled) return undefined;
  const { id, client_id, scope } = found;
  return { device_id: id, client_id, scope, consent_scope: scope, prompt: ["consent"] };
}
