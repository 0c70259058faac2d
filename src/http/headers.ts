import type { FastifyInstance } from "fastify";

/** Headers of every response. Pages and documents replace some of them. */
const ALWAYS = {
  "Cache-Control": "no-store",
  Pragma: "no-cache",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "Cross-Origin-Opener-Policy": "same-origin",
} as const;

/** Two years, with subdomains. It is sent only if the issuer is https. */
const TRANSPORT_SECURITY = "max-age=63072000; includeSubDomains";

/** The headers of every answer, errors and unknown paths included (RFC 6749 section 5.1 asks for no-store). */
export function headersOf(issuer = ""): Readonly<Record<string, string>> {
  return issuer.startsWith("https:") ? { ...ALWAYS, "Strict-Transport-Security": TRANSPORT_SECURITY } : ALWAYS;
}

/** Sets them on every response of the application. Earlier refusals set them themselves. */
export function setHeaders(app: FastifyInstance, issuer: string): void {
  const headers = headersOf(issuer);
  app.addHook("onRequest", (_request, reply, done) => {
    reply.headers(headers);
    done();
  });
}
