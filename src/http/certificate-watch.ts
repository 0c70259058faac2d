import type { FastifyBaseLogger } from "fastify";
import { OperatorError } from "../errors/operator-error.js";
import type { Renewal } from "./tls.js";
import { validityProblem, type TlsMaterial } from "./tls-files.js";

/** Milliseconds of rest between two looks at the files. Their content is read: no event tells of every way to replace one. */
export const CERTIFICATE_CHECK_INTERVAL = 5_000;

/** What a listener that speaks TLS can say and do about its certificate. */
export interface CertificateHolder {
  readonly material: TlsMaterial;
  renew(now: number): Promise<Renewal | undefined>;
}

/** Takes renewed certificates into use, and tells the log what came of it. */
export class CertificateWatch {
  readonly #holder: CertificateHolder | undefined;
  readonly #now: () => number;
  readonly #log: FastifyBaseLogger;
  /** What was last said of files that cannot be used: it is said once, not with every look. */
  #lastProblem: string | undefined;

  /** @param holder undefined where the server does not speak TLS itself */
  constructor(holder: CertificateHolder | undefined, now: () => number, log: FastifyBaseLogger) {
    this.#holder = holder;
    this.#now = now;
    this.#log = log;
  }

  /** Says which certificate a server begins with. */
  begin(): void {
    if (this.#holder === undefined) return;
    const { material } = this.#holder;
    const reason = validityProblem(material, this.#now());
    if (reason === undefined) this.#log.info(describe(material), "this certificate is in use");
    else this.#log.warn(describe(material), `this certificate is in use, although clients refuse it: ${reason}`);
  }

  /** Looks at the files by itself, and is silent where nothing changed. */
  async check(): Promise<void> {
    await this.#renew(false);
  }

  /** Looks at the files because an operator asked for it (SIGHUP), and always answers. */
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
