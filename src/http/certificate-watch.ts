import type { FastifyBaseLogger } from "fastify";
import { OperatorError } from "../errors/operator-error.js";
import type { Renewal } from "./tls.js";
import { validityProblem, type TlsMaterial } from "./tls-files.js";

/**
 * Milliseconds between two checks of the files. They are read each time, because no file event reports every way of
 * replacing a file.
 */
export const CERTIFICATE_CHECK_INTERVAL = 5_000;

/** The certificate of a listener that speaks TLS. */
export interface CertificateHolder {
  readonly material: TlsMaterial;
  renew(now: number): Promise<Renewal | undefined>;
}

/** Loads renewed certificates, and logs the result. */
export class CertificateWatch {
  readonly #holder: CertificateHolder | undefined;
  readonly #now: () => number;
  readonly #log: FastifyBaseLogger;
  /** The last problem with the files. It is logged once, not with every check. */
  #lastProblem: string | undefined;

  /** @param holder undefined where the server does not speak TLS itself */
  constructor(holder: CertificateHolder | undefined, now: () => number, log: FastifyBaseLogger) {
    this.#holder = holder;
    this.#now = now;
    this.#log = log;
  }

  /** Logs the certificate of the start. */
  begin(): void {
    if (this.#holder === undefined) return;
    const { material } = this.#holder;
    const reason = validityProblem(material, this.#now());
    if (reason === undefined) this.#log.info(describe(material), "this certificate is in use");
    else this.#log.warn(describe(material), `this certificate is in use, although clients refuse it: ${reason}`);
  }

  /** Checks the files regularly, and logs only changes. */
  async check(): Promise<void> {
    await this.#renew(false);
  }

  /** Checks the files because an operator asked for it (SIGHUP), and always logs the result. */
  async checkNow(): Promise<void> {
    if (this.#holder === undefined) this.#log.info({ type: "tls" }, "there are no certificate files to read again");
    else await this.#renew(true);
  }

  async #renew(asked: boolean): Promise<void> {
    try {
      const renewal = await this.#holder?.renew(this.#now());
      this.#lastProblem = undefined;
      if (renewal !== undefined) this.#log.info(describe(renewal.material), "a new certificate is in use");
      else if (asked) this.#log.info({ type: "tls" }, "the certificate files have not changed");
    } catch (error) {
      if (!(error instanceof OperatorError)) {
        return void this.#log.warn({ type: "tls", err: error }, "the certificate files could not be looked at");
      }
      const { message } = error;
      if (!asked && message === this.#lastProblem) return;
      this.#lastProblem = message;
      this.#log.warn({ type: "tls" }, `the new certificate files cannot be used, the earlier ones go on: ${message}`);
    }
  }
}

function describe({ validTo, fingerprint, authorities }: TlsMaterial) {
  return { type: "tls", not_after: new Date(validTo).toISOString(), fingerprint, authorities: authorities.length };
}
