import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import type { Clock, Random } from "./clock.js";
import { Endpoint } from "./coap/endpoint.js";
import type { Transport } from "./coap/peer.js";
import { systemTimers, type Timers } from "./coap/timers.js";
import { listenPlain } from "./coap/udp.js";
import { devicePsks } from "./clients/device-psk.js";
import type { Settings } from "./config.js";
import type { Core } from "./core.js";
import { serveOverCoap } from "./dialects/coap.js";
import type { Dialect } from "./dialects/dialect.js";
import { openDtlsCertificate, type DtlsCertificate } from "./dtls/certificate.js";
import type { PskLookup } from "./dtls/exchange.js";
import { listenDtls } from "./dtls/listen.js";
import { selfMadeCertificate } from "./dtls/self-made-certificate.js";
import { BODY_LIMIT, DRAIN_LIMIT } from "./http/limits.js";
import type { Listener } from "./http/listener.js";
import type { TlsFiles } from "./http/tls-files.js";

export interface CoapServerParts {
  readonly settings: Settings;
  /** The application over HTTP, whose operations are served. */
  readonly app: FastifyInstance;
  readonly dialects: readonly Dialect[];
  readonly listener: Pick<Listener, "underWay">;
  readonly log: FastifyBaseLogger;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers?: Timers | undefined;
}

/** CoAP as it is received by this process. */
interface CoapServer {
  /** The port for plain CoAP. */
  readonly port: number | undefined;
  /** The port for CoAP over DTLS. */
  readonly securePort: number | undefined;
  /** The certificate for DTLS. */
  readonly certificate: DtlsCertificate | undefined;
  /** Answers the requests that were accepted, then closes the sockets. */
  stop(): Promise<void>;
}

interface SecureTransport extends Transport {
  readonly certificate: DtlsCertificate;
}

/**
 * Receives CoAP, if the settings ask for it.
 * @throws OperatorError if a port is not available, or a certificate cannot be used
 */
export async function receiveCoap(parts: CoapServerParts): Promise<CoapServer | undefined> {
  const { settings, app, log, listener, random, timers = systemTimers } = parts;
  const dialect = parts.dialects.find(({ overCoap }) => overCoap);
  if (dialect === undefined || (settings.COAP_PORT === undefined && settings.COAPS_PORT === undefined))
    return undefined;
  const { operations, core, shedder } = app;
  const isOverloaded = () => shedder.refusesOther(listener.underWay + endpoint.underWay);
  const resources = serveOverCoap({ dialect, operations, core, log, timers, isOverloaded });
  const endpoint = new Endpoint({ resources, timers, random, maxBody: BODY_LIMIT });
  const plain = await receivePlain(parts, endpoint);
  const secure = await receiveSecure({ ...parts, timers }, endpoint).catch(async (error: unknown) => {
    await plain?.stop();
    throw error;
  });
  return {
    port: plain?.port,
    securePort: secure?.port,
    certificate: secure?.certificate,
    stop: async () => {
      await endpoint.drain(DRAIN_LIMIT);
      await Promise.all([plain?.stop(), secure?.stop()]);
    },
  };
}

async function receivePlain({ settings, log }: CoapServerParts, endpoint: Endpoint): Promise<Transport | undefined> {
  if (settings.COAP_PORT === undefined) return undefined;
  const plain = await listenPlain(settings.COAP_PORT, endpoint);
  log.info({ type: "coap", port: plain.port }, `plain CoAP is received on 127.0.0.1 and ::1, port ${plain.port}`);
  return plain;
}

async function receiveSecure(
  { settings, app, log, clock, random, timers }: CoapServerParts & { readonly timers: Timers },
  endpoint: Endpoint,
): Promise<SecureTransport | undefined> {
  const { COAPS_PORT: port, COAPS_HOST, HOST, DATA_DIR } = settings;
  if (port === undefined) return undefined;
  const host = COAPS_HOST ?? HOST;
  const files = certificateFiles(settings);
  const selfMade = files === undefined ? await selfMadeCertificate(DATA_DIR, clock.now(), random) : undefined;
  const certificate = await openDtlsCertificate(files ?? selfMade!);
  const transport = await listenDtls(
    {
      host,
      port,
      timers,
      credentials: () => certificate.credentials,
      pskOf: pskLookup(app.core, log),
      failed: (from, reason) => log.debug({ type: "dtls", address: from }, `a DTLS handshake failed: ${reason}`),
    },
    endpoint,
  );
  log.info({ type: "coap", port: transport.port }, `CoAP over DTLS is received on ${host}, port ${transport.port}`);
  if (selfMade !== undefined)
    log.info({ type: "coap" }, `to look around: ${clientLine(selfMade.cert, transport.port)}`);
  return { ...transport, certificate };
}

/** Looks up the PSKs of devices. A fault ends the handshake that asked. */
function pskLookup(core: Core, log: FastifyBaseLogger): PskLookup {
  const pskOf = devicePsks(core);
  return (identity) =>
    pskOf(identity).catch((error: unknown) => {
      log.warn({ type: "dtls", err: error }, "the PSK of a device could not be looked up, so its handshake failed");
      return undefined;
    });
}

/** The files of the certificate: those for DTLS, or else those of https. Undefined if the server makes one for itself. */
function certificateFiles({ COAPS_CERT, COAPS_KEY, TLS_CERT, TLS_KEY }: Settings): TlsFiles | undefined {
  if (COAPS_CERT && COAPS_KEY) {
    return { cert: COAPS_CERT, key: COAPS_KEY, settings: { cert: "COAPS_CERT", key: "COAPS_KEY" } };
  }
  return TLS_CERT && TLS_KEY ? { cert: TLS_CERT, key: TLS_KEY } : undefined;
}

/** A command of Debian's libcoap3-bin that lists the resources. */
function clientLine(certificate: string, port: number): string {
  return `coap-client-openssl -R ${certificate} -m get coaps://localhost:${port}/.well-known/core`;
}
