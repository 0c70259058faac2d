import type { FastifyRequest } from "fastify";
import { refusalOf } from "../admin-api/problem.js";
import { mayRun, runCommand } from "../admin/run.js";
import type { Core } from "../core.js";
import { OperatorError } from "../errors/operator-error.js";
import { Refusal } from "../errors/refusal.js";
import type { AuditFacts } from "../http/decision.js";
import type { Parameters } from "../http/form.js";
import { pathOf } from "../http/target.js";
import type { ServerState } from "../metrics/metrics.js";
import type { Language } from "../pages/language.js";
import { MAX_LOGIN_AGE, type Administrator } from "./administrator.js";
import { commandNamed } from "./commands.js";
import type { ConsoleRequest } from "./page.js";
import { ADMIN_PATH, CONSOLE_CLIENT_ID, type ConsolePlace } from "./place.js";
import type { Waiting } from "./waiting.js";

interface RequestParts {
  readonly core: Core;
  readonly place: ConsolePlace;
  readonly waiting: Waiting;
  readonly state: () => Promise<ServerState>;
  readonly administrator: Administrator;
  readonly language: Language;
}

/** A request as pages see it. */
export function requestOf(
  { core, place, waiting, state, administrator, language }: RequestParts,
  sent: Parameters,
  request: FastifyRequest,
  browser: string | undefined,
): ConsoleRequest {
  const { sub, powers, auth_time } = administrator;
  const { params, ip } = request;
  const caller = { kind: "person", id: sub, client_id: CONSOLE_CLIENT_ID, ip } as const;
  const now = core.clock.now();
  return {
    ...{ language, base: place.base, path: params as Record<string, string>, sent, administrator, now, state },
    isFresh: now / 1000 - auth_time < MAX_LOGIN_AGE,
    offers: (name) => isOffered(administrator, name),
    run: async (name, input, ifMatch) => {
      const command = commandNamed(name);
      if (command === undefined) throw new OperatorError(`there is no command ${name}`, "not_found");
      if (command.effect === "reads") return runCommand(command, { core, input, caller, powers, ifMatch });
      // As the Admin API does, what changes something leaves a line in the log.
      const facts: AuditFacts = (request.decision = { operation: "administration", command: name, sub });
      facts.client_id = CONSOLE_CLIENT_ID;
      return runCommand(command, { core, input, caller, powers, ifMatch }).catch((error: unknown) => {
        facts.refusal = refusalOf(error);
        throw error;
      });
    },
    csrf: (path) => csrfOf(core, administrator, path),
    waiting: (id) => waiting.look(browser, id),
  };
}

/** Whether a person may run a command, and the console runs it. */
export function isOffered({ powers }: Pick<Administrator, "powers">, name: string): boolean {
  const command = commandNamed(name);
  return command !== undefined && mayRun(command, powers);
}

/** The path of a request below the console. */
export function pathBelow({ url }: Pick<FastifyRequest, "url">): string {
  return pathOf(url).slice(ADMIN_PATH.length) || "/";
}

/** The token of the forms that are sent to a path, in this login. */
export function csrfOf({ master }: Core, { jti }: Administrator, path: string): string {
  return master.mac("form", formText(jti, path)).toString("base64url");
}

/** @throws Refusal form_foreign */
export function checkCsrf({ master }: Core, { jti }: Administrator, path: string, sent: Parameters): void {
  if (!master.checkMacText("form", formText(jti, path), sent.get("csrf") ?? "")) throw new Refusal("form_foreign");
}

function formText(jti: string, path: string): string {
  return `console\n${path}\n${jti}`;
}
