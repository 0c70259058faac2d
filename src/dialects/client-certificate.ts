import { X509Certificate } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import type { PresentedCertificate } from "../clients/presented.js";

/** The header in which a proxy forwards the client's certificate: RFC 9440, or the one of Azure's front ends. */
export type CertificateHeader = "client-cert" | "x-arr-clientcert";

/** Both hold DER in base64: the first as a byte sequence (RFC 8941 section 3.3.5), the second bare. */
const SPELLINGS: Readonly<Record<CertificateHeader, RegExp>> = {
  "client-cert": /^:([A-Za-z0-9+/]+={0,2}):$/,
  "x-arr-clientcert": /^([A-Za-z0-9+/]+={0,2})$/,
};

/**
 * The certificate that the client presented. If the peer is a trusted proxy, only its header counts. A proxy that forwards
 * a certificate has checked its chain (RFC 9440 section 4). For any other peer only the TLS connection counts.
 * @param headers the headers that the dialect reads
 */
export function certificateOf(
  request: FastifyRequest,
  trustProxy: (address: string) => boolean,
  headers: readonly CertificateHeader[],
): PresentedCertificate | undefined {
  const { socket } = request;
  if (trustProxy(socket.remoteAddress ?? "")) return forwarded(request, headers);
  // A resumed session can be authorized without a certificate, so this comes first.
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return certificate && { der: certificate.raw, trusted: (socket as TLSSocket).authorized };
}

/** Accepts one header that is exactly a certificate. Node joins a repeated header with commas, which no format allows. */
function forwarded({ headers }: FastifyRequest, names: readonly CertificateHeader[]): PresentedCertificate | undefined {
  const [name, another] = names.filter((one) => headers[one] !== undefined);
  if (name === undefined || another !== undefined) return undefined;
  const [, base64 = ""] = SPELLINGS[name].exec(String(headers[name])) ?? [];
  const der = Buffer.from(base64, "base64");
  return der.toString("base64") === base64 && isCertificate(der) ? { der, trusted: true } : undefined;
}

/** Whether these bytes are one certificate in DER. X509Certificate also accepts PEM and trailing bytes. */
function isCertificate(der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.equals(der);
  } catch {
    return false;
  }
}
