import { ALERT } from "./alerts.js";
import { signWith, type Credentials } from "./credentials.js";
import {
  certificate,
  keyExchangeParameters,
  MESSAGE,
  readClientKeyExchange,
  readPskIdentity,
  serverKeyExchange,
} from "./handshake-messages.js";
import { pskPremaster } from "./key-schedule.js";
import type { Signing } from "./negotiate.js";

/** How one handshake gets its premaster secret. */
export interface Exchange {
  /** The messages between ServerHello and ServerHelloDone: type and body. */
  readonly messages: readonly (readonly [number, Buffer])[];
  /** The alert and the reason for the log if there is no secret. */
  readonly failure: { readonly alert: number; readonly reason: string };
  /** The value in ClientKeyExchange. @throws DecodeError */
  read(clientKeyExchange: Buffer): Buffer;
  /** The premaster secret that follows from this value; undefined if there is none. */
  agree(value: Buffer): Buffer | undefined | Promise<Buffer | undefined>;
}

/**
 * Gives the key of an identity. For an unknown one it gives a random key, so that its client gets the answer to a wrong key
 * (RFC 4279 section 2). Undefined if keys cannot be looked up now; it never rejects.
 */
export type PskLookup = (identity: Buffer) => Promise<Buffer | undefined>;

/** ECDHE with a certificate (RFC 8422). @param randoms those of both sides, which are signed too */
export function ecdheExchange({ group, scheme }: Signing, credentials: Credentials, randoms: Buffer): Exchange {
  const share = group.makeShare();
  const parameters = keyExchangeParameters(group.id, share.publicKey);
  const signature = signWith(credentials, scheme, Buffer.concat([randoms, parameters]));
  return {
    messages: [
      [MESSAGE.certificate, certificate(credentials.chain)],
      [MESSAGE.serverKeyExchange, serverKeyExchange(parameters, scheme.id, signature)],
    ],
    failure: { alert: ALERT.illegalParameter, reason: "the client's key is no point of the group" },
    read: readClientKeyExchange,
    agree: (point) => share.agree(point),
  };
}

/** A PSK (RFC 4279 section 2). The server gives no hint, so it sends no ServerKeyExchange. */
export function pskExchange(lookUp: PskLookup): Exchange {
  return {
    messages: [],
    failure: { alert: ALERT.internalError, reason: "no key could be looked up" },
    read: readPskIdentity,
    agree: (identity) => lookUp(identity).then((psk) => psk && pskPremaster(psk)),
  };
}
