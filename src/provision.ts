import type { FastifyBaseLogger } from "fastify";
import { ACCOUNT_PATH } from "./browser/paths.js";
import type { Settings } from "./config.js";
import type { Core } from "./core.js";
import { OperatorError } from "./errors/operator-error.js";
import { apply, applyFile } from "./provisioning/apply.js";
import { demoSet, disableDemo } from "./provisioning/demo.js";
import { ProvisioningError } from "./provisioning/raw-entry.js";
import { actingFor, type Caller } from "./store/audit-actor.js";
import { isEmpty } from "./store/installation.js";

/** The start of a server, as far as provisioning is concerned. */
interface Surroundings {
  readonly settings: Settings;
  /** The URL of the server, without a path. */
  readonly url: string;
  readonly log: FastifyBaseLogger;
}

/** Who makes these changes. */
const PROVISIONING: Caller = { kind: "server", id: "provisioning" };

/**
 * Applies the provisioning file. Without one, an empty embedded database outside production gets the demo set.
 * @returns the text about a new demo set, which is shown once
 */
export async function provision(core: Core, { settings, url, log }: Surroundings): Promise<string | undefined> {
  const { random, issuer } = core;
  const db = actingFor(core.db, PROVISIONING);
  if (settings.NODE_ENV === "production") warnOfDemo(await disableDemo(db), log);
  if (settings.PROVISION_FILE !== undefined) {
    const { written, entries, warnings } = await applyProvisioningFile(core, settings.PROVISION_FILE, log);
    for (const warning of warnings) log.warn({ type: "provisioning" }, warning);
    log.info({ type: "provisioning", written, entries }, "provisioning file applied");
    return undefined;
  }
  const mayDemonstrate = settings.DATABASE_URL === undefined && settings.NODE_ENV !== "production";
  if (!mayDemonstrate || !(await isEmpty(db))) return undefined;
  const demo = demoSet({ url, issuer, account: `${url}${ACCOUNT_PATH}` }, random);
  await apply(db, core, demo.file);
  return demo.introduction;
}

/** Warns of a demo set: an earlier start without NODE_ENV=production made it and printed its secrets. */
function warnOfDemo(disabled: readonly string[], log: FastifyBaseLogger): void {
  if (disabled.length === 0) return;
  log.warn(
    { type: "demo", disabled },
    "the demo set was found and disabled, because NODE_ENV is production: delete it",
  );
}

/** @throws OperatorError naming the file and its fault */
async function applyProvisioningFile(core: Core, path: string, log: FastifyBaseLogger) {
  try {
    return await applyFile(actingFor(core.db, PROVISIONING), core, path, {
      report: (line) => log.info({ type: "provisioning" }, line),
    });
  } catch (error) {
    if (error instanceof ProvisioningError) throw new OperatorError(`${path}: ${error.message}`);
    throw error;
  }
}
