import { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import type { PresentedCertificate } from "../clients/presented.js";

/** Where a proxy says which certificate it was shown: RFC 9440, and as Azure's front ends spell it. */
export type CertificateHeader = "client-cert" | "x-arr-clientcert";

/** DER in base64; a byte sequence of RFC 8941 section 3.3.5 in the one, bare in the other. */
const SPELLINGS: Readonly<Record<CertificateHeader, RegExp>> = {
  "client-cert": /^:([A-Za-z0-9+/]+={0,2}):$/,
  "x-arr-clientcert": /^([A-Za-z0-9+/]+={0,2})$/,
};

/**
 * The certificate that the client showed. Where a trusted proxy is the peer, only its word counts, and that it forwards
 * a certificate says that it checked the chain (RFC 9440 section 4); from anybody else only the connection itself counts.
 * @param headers those that the dialect knows
 */
export function certificateOf(
  request: FastifyRequest,
  trustProxy: (address: string) => boolean,
  headers: readonly CertificateHeader[],
): PresentedCertificate | undefined {
  const { socket } = request;
  if (trustProxy(socket.remoteAddress ?? "")) return forwarded(request, headers);
  // A resumed session can be authorized without a certificate, so this is asked first.
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate && { der: certificate.raw, trusted: (socket as TLSSocket).authorized };
}

/** Exactly one header that is exactly a certificate. Node joins a repeated one with commas, which no spelling allows. */
function forwarded({ headers }: FastifyRequest, names: readonly CertificateHeader[]): PresentedCertificate | undefined {
  const [name, another] = names.filter((one) => headers[one] !== undefined);
  if (name === undefined || another !== undefined) return undefined;
  const [, base64 = ""] = SPELLINGS[name].exec(String(headers[name])) ?? [];
  const der = Buffer.from(base64, "base64");
  return der.toString("base64") === base64 && isCertificate(der) ? { der, trusted: true } : undefined;
}

/** Whether these bytes are a certificate and nothing more: PEM, or something behind it, would read as one too. */
function isCertificate(der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.equals(der);
  } catch {
    return false;
  }
}
