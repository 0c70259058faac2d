// The server, for which a day and some hours more have passed than for the machine. So everything that had expired at the time
// of the fill is due to be swept.
import { systemClock } from "../../../src/clock.js";
import { addressOf, readSettings } from "../../../src/config.js";
import { openDeployment } from "../../../src/deployment.js";
import { openListener } from "../../../src/http/listener.js";
import { openLog } from "../../../src/http/log.js";
import { startServer } from "../../../src/server.js";
import { ALL_DUE } from "./fill.js";

const AHEAD = ALL_DUE * 3_600_000;

const later = () => systemClock.now() + AHEAD;
const settings = readSettings();
const { log, flush } = openLog(settings.LOG_LEVEL);
const listener = await openListener(addressOf(settings));
const deployment = await openDeployment(settings, { role: "server" });
const clock = { now: later, statement: () => new Date(later()) };
const server = await startServer({ settings, deployment, listener, log, clock });
log.info(`ready on ${listener.url}`);
process.once("SIGTERM", () => {
  void server
    .stop()
    .then(() => deployment.close())
    .then(() => {
      flush();
      process.exit(0);
    });
});
