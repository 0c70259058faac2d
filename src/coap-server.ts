import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Random } from "./clock.js";
import { Endpoint } from "./coap/endpoint.js";
import { systemTimers, type Timers } from "./coap/timers.js";
import { listenPlain } from "./coap/udp.js";
import type { Settings } from "./config.js";
import { serveOverCoap } from "./dialects/coap.js";
import type { Dialect } from "./dialects/dialect.js";
import { BODY_LIMIT, DRAIN_LIMIT } from "./http/limits.js";
import type { Listener } from "./http/listener.js";

interface CoapServerParts {
  readonly settings: Settings;
  /** The application over HTTP, whose operations are served. */
  readonly app: FastifyInstance;
  readonly dialects: readonly Dialect[];
  readonly listener: Pick<Listener, "underWay">;
  readonly log: FastifyBaseLogger;
  readonly random: Random;
  readonly timers?: Timers | undefined;
}

/** CoAP as it is received by this process. */
interface CoapServer {
  /** The port for plain CoAP. */
  readonly port: number;
  /** Answers the requests that were accepted, then closes the sockets. */
  stop(): Promise<void>;
}

/**
 * Receives CoAP, if the settings ask for it.
 * @throws OperatorError if a port is not available
 */
export async function receiveCoap(parts: CoapServerParts): Promise<CoapServer | undefined> {
  const { settings, app, log, listener, random, timers = systemTimers } = parts;
  const dialect = parts.dialects.find(({ overCoap }) => overCoap);
  if (settings.COAP_PORT === undefined || dialect === undefined) return undefined;
  const { operations, core, shedder } = app;
  const isOverloaded = () => shedder.refusesOther(listener.underWay + endpoint.underWay);
  const resources = serveOverCoap({ dialect, operations, core, log, isOverloaded });
  const endpoint = new Endpoint({ resources, timers, random, maxBody: BODY_LIMIT });
  const plain = await listenPlain(settings.COAP_PORT, endpoint);
  log.info({ type: "coap", port: plain.port }, `plain CoAP is received on 127.0.0.1 and ::1, port ${plain.port}`);
  return {
    port: plain.port,
    stop: async () => {
      await endpoint.drain(DRAIN_LIMIT);
      await plain.stop();
    },
  };
}
